/**
 * What HTTP/2 can't keep while Bun's server is its engine, and HTTP/1.1 beside it keeps. Each of these
 * fails on the day that a new Bun can: then the difference can go, here and in docs/differences.md.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import {
  dataFrame,
  flags,
  frameTypes,
  headersFrame,
  responseStatus,
} from "../support/http2-frames.ts";
import { connectHttps, get } from "../support/https-client.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  const names = createCertificate(["app.test", "localhost"]);
  const certificate = saveCertificate(join(proxy.home, "app"), names);
  await proxy.deploy("web", app.address, "--host=app.test,localhost", ...certificate);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});
beforeEach(() => {
  app.answer = () => ok;
});

type Field = [name: string, value: string];

function request(path = "/", method = "GET", ...more: Field[]): Field[] {
  const pseudo: Field[] = [
    [":method", method],
    [":scheme", "https"],
    [":authority", "app.test"],
    [":path", path],
  ];
  return [...pseudo, ...more];
}

describe("trailers", () => {
  test("of a response are dropped", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
      "3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n";
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("abc");
    const heads = client.frames.filter(({ type }) => type === frameTypes.headers);
    expect(heads).toHaveLength(1);

    using old = await connectHttps(proxy.httpsPort);
    expect((await get(old)).trailers).toEqual([["x-sum", "6"]]);
  });

  test("of a request are dropped", async () => {
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(
      headersFrame(1, request("/", "POST"), false),
      dataFrame(1, "abc", false),
      headersFrame(1, [["x-sum", "6"]], true),
    );
    expect(await client.ended(1)).toBe("ended");
    expect(app.requests.at(-1)!.body.toString()).toBe("abc");
    expect(app.requests.at(-1)!.trailers).toEqual([]);
  });
});

test("103 Early Hints are not passed, and not mixed into the final response", async () => {
  app.answer = () => `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${ok}`;
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  expect(await client.ended(1)).toBe("ended");
  const heads = client.frames.filter(({ type }) => type === frameTypes.headers);
  expect(heads).toHaveLength(1);
  expect(responseStatus(heads, 1)).toBe(200);
  expect(heads[0]!.payload.toString("latin1")).not.toContain("a.css");

  using old = await connectHttps(proxy.httpsPort);
  expect((await get(old)).status).toBe(103);
  expect((await readResponse(old)).status).toBe(200);
});

test("a request that expects 100-continue is told to go on by the proxy itself", async () => {
  app.answer = () => "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request("/", "POST", ["expect", "100-continue"]), false));
  await waitFor(() => responseStatus(client.frames, 1) === 100, "100");
  client.send(dataFrame(1, "abc", true));
  expect(await client.ended(1)).toBe("ended");
  expect(client.frames.filter(({ type }) => type === frameTypes.headers)).toHaveLength(2);
});

test.each([
  [262_144, "262144"],
  [262_145, null],
])("Content-Length of a response is kept up to 256 KB: %d bytes", async (bytes, seen) => {
  app.answer = () => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;
  const response = await ask("/");
  expect(response.headers.get("content-length")).toBe(seen);
  expect((await response.bytes()).length).toBe(bytes);
});

test.each([
  ["/a/../b", "/b"],
  ["/a/./b/%2e%2e/c", "/a/c"],
  ["/a//b/%2F?x=../y", "/a//b/%2F?x=../y"],
])("dot segments of a path are resolved: %s", async (sent, arrived) => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request(sent)));
  expect(await client.ended(1)).toBe("ended");
  expect(app.requests.at(-1)!.startLine).toBe(`GET ${arrived} HTTP/1.1`);
});

test("repeated fields of a response are joined, cookies stay apart", async () => {
  app.answer = () =>
    "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
    "Content-Length: 0\r\n\r\n";
  const { headers } = await ask("/");
  expect(headers.get("x-a")).toBe("1, 2");
  expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test("the last DATA frame ends the stream: what was sent is complete", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  await client.ended(1);
  expect(client.frames.at(-1)!.flags & flags.endStream).toBe(flags.endStream);
  using old = await connectHttps(proxy.httpsPort);
  expect(valuesOf(await get(old), "content-length")).toEqual(["2"]);
});

function ask(path: string): Promise<Response> {
  return fetch(`https://localhost:${proxy.httpsPort}${path}`, {
    protocol: "http2",
    tls: { rejectUnauthorized: false },
  });
}
