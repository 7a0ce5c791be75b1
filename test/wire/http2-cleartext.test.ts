/** HTTP/2 in plain with prior knowledge, on the port of HTTP/1.1 (RFC 9113 3.3). */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Http2Connection } from "../support/http2-connection.ts";
import { headersFrame, preface, responseStatus, settingsFrame } from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp(() => ok);
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address, "--host=app.test");
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});
afterEach(() => {
  app.requests.length = 0;
});

const get: [string, string][] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "app.test"],
  [":path", "/plain"],
];

/** One byte after the other, each in a packet of its own, or all at once. */
test.each([["at once"], ["cut anywhere"]])(
  "a connection that begins with the preface, %s",
  async (how) => {
    const bytes = Buffer.concat([preface, settingsFrame(), headersFrame(1, get)]);
    const places = how === "at once" ? [bytes.length] : [1, 4, 23, 24, 30];
    for (const place of places) {
      using client = new Http2Connection(await connectRaw(proxy.httpPort));
      client.raw.send(bytes.subarray(0, place));
      await new Promise((resolve) => setImmediate(resolve));
      client.raw.send(bytes.subarray(place));
      expect(await client.ended(1)).toBe("ended");
      expect(responseStatus(client.frames, 1)).toBe(200);
    }
    expect(app.requests.map(({ startLine }) => startLine)).toEqual(
      places.map(() => "GET /plain HTTP/1.1"),
    );
    expect(valuesOf(app.requests[0]!, "x-forwarded-proto")).toEqual(["http"]);
    expect(await proxy.waitForLog(({ path }) => path === "/plain")).toMatchObject({
      proto: "HTTP/2.0",
      scheme: "http",
      port: proxy.httpPort,
    });
  },
);

test("a connection that begins otherwise speaks HTTP/1.1, however alike it begins", async () => {
  for (const method of ["PROPFIND", "P", "PRI"]) {
    using client = await connectRaw(proxy.httpPort);
    client.send(`${method} / HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    expect((await readResponse(client)).status).toBe(200);
  }
});

test("Upgrade: h2c is an ordinary request, and never forwarded", async () => {
  using client = await connectRaw(proxy.httpPort);
  client.send(
    "GET /up-grade HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
  );
  expect((await readResponse(client)).status).toBe(200);
  const [request] = app.requests;
  for (const name of ["upgrade", "http2-settings", "connection"]) {
    expect(valuesOf(request!, name)).toEqual([]);
  }
});
