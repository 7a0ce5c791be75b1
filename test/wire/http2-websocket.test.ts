/** WebSockets over HTTP/2 (RFC 8441) through the real proxy: one stream, to an upgrade of HTTP/1.1. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import { dataFrame, frameTypes, headersFrame, resetFrame } from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor, within } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
  await proxy.deploy("web", app.address, "--host=app.test", ...certificate);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const connect: [string, string][] = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/chat?room=1"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-protocol", "chat"],
];
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

/** An open tunnel on stream 1, and the app's end of it. */
async function openTunnel(client: Http2Connection): Promise<RawConnection> {
  const { promise, resolve } = Promise.withResolvers<RawConnection>();
  app.answer = (_request, connection) => {
    connection.send(switching);
    resolve(connection);
    // The script reads no further requests: what comes now belongs to the test.
    return new Promise(() => {});
  };
  client.send(headersFrame(1, connect, false));
  return within(promise, "the upgrade");
}

test("the setting says that it is served", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  const settings = await waitFor(
    () => client.frames.find(({ type }) => type === frameTypes.settings),
    "the settings",
  );
  const pairs = settings.payload.toString("hex").match(/.{12}/g);
  expect(pairs).toContain("000800000001");
});

test("the app sees a handshake of HTTP/1.1, the client a 200 without what belongs to it", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  await openTunnel(client);
  const request = app.requests.at(-1)!;
  expect(request.startLine).toBe("GET /chat?room=1 HTTP/1.1");
  expect(valuesOf(request, "upgrade")).toEqual(["websocket"]);
  expect(valuesOf(request, "connection")).toEqual(["Upgrade"]);
  expect(valuesOf(request, "host")).toEqual(["app.test"]);
  expect(valuesOf(request, "sec-websocket-version")).toEqual(["13"]);
  expect(Buffer.from(valuesOf(request, "sec-websocket-key")[0]!, "base64")).toHaveLength(16);
  await waitFor(() => client.heads(1).length === 1, "the head");
  const [head] = client.heads(1);
  expect(head).toContainEqual([":status", "200"]);
  expect(head).toContainEqual(["sec-websocket-protocol", "chat"]);
  expect(head!.map(([name]) => name)).not.toContain("sec-websocket-accept");
});

test("bytes go both ways, and each side ends its own", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  const target = await openTunnel(client);
  client.send(dataFrame(1, "ping", false));
  await waitFor(() => target.unread === "ping", "the client's bytes");
  target.send("pong");
  await waitFor(() => client.body(1).toString() === "pong", "the app's bytes");
  client.send(dataFrame(1, "", true));
  await waitFor(() => target.peerEnded, "the client's end");
  target.send("last");
  target.end();
  expect(await client.ended(1)).toBe("ended");
  expect(client.body(1).toString()).toBe("ponglast");
});

test("bytes that the client sends ahead of the answer arrive", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, connect, false), dataFrame(1, "early", false));
  const target = await openTunnelOnly();
  await waitFor(() => target.unread === "early", "the early bytes");
});

function openTunnelOnly(): Promise<RawConnection> {
  return new Promise((resolve) => {
    app.answer = (_request, connection) => {
      connection.send(switching);
      resolve(connection);
      return new Promise(() => {});
    };
  });
}

test("a reset of the client ends the app's connection, and the connection goes on", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  const target = await openTunnel(client);
  client.send(resetFrame(1));
  await waitFor(() => target.peerEnded, "the end");
  app.answer = () => ok;
  client.send(
    headersFrame(3, [
      [":method", "GET"],
      ...connect.filter(([name]) => /^:(scheme|authority|path)$/.test(name)),
    ]),
  );
  expect(await client.ended(3)).toBe("ended");
});

test("the end of the app's connection ends the stream", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  const target = await openTunnel(client);
  target.reset();
  expect(await client.ended(1)).toBe("reset");
});

test.each([
  ["a refusal passes", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403"],
  ["a 200 would be taken for the tunnel and becomes 502", ok, "502"],
])("without a switch: %s", async (_what, answer, status) => {
  app.answer = () => answer;
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, connect, false));
  await waitFor(() => client.heads(1).length === 1, "the head");
  expect(client.heads(1)[0]).toContainEqual([":status", status]);
});
