/** What messages over HTTP/2 keep on their way to an app that speaks HTTP/1.1, and back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import {
  dataFrame,
  flags,
  headersFrame,
  largeHeadFrames,
  responseStatus,
} from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
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
  test("of a response pass", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
      "3\r\nabc\r\n0\r\nX-Sum: 6\r\nContent-Length: 1\r\n\r\n";
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("ended");
    expect(client.body(1).toString()).toBe("abc");
    const [head, trailers] = client.heads(1);
    expect(head).toContainEqual(["trailer", "X-Sum"]);
    // What frames a message is no trailer (RFC 9110 6.5.1).
    expect(trailers).toEqual([["x-sum", "6"]]);
  });

  test("of a request pass", async () => {
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(
      headersFrame(1, request("/", "POST", ["trailer", "x-sum"]), false),
      dataFrame(1, "abc", false),
      headersFrame(
        1,
        [
          ["x-sum", "6"],
          ["host", "evil.test"],
        ],
        true,
      ),
    );
    expect(await client.ended(1)).toBe("ended");
    expect(app.requests.at(-1)!.body.toString()).toBe("abc");
    expect(app.requests.at(-1)!.trailers).toEqual([["x-sum", "6"]]);
  });
});

test("103 Early Hints pass before the final response", async () => {
  app.answer = () => `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${ok}`;
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  expect(await client.ended(1)).toBe("ended");
  const [hints, head] = client.heads(1);
  expect(hints).toEqual([
    [":status", "103"],
    ["link", "</a.css>"],
  ]);
  expect(head).toContainEqual([":status", "200"]);
  expect(client.body(1).toString()).toBe("ok");
});

test("a request that expects 100-continue is told to go on by the proxy itself", async () => {
  app.answer = () => "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request("/", "POST", ["expect", "100-continue"]), false));
  await waitFor(() => responseStatus(client.frames, 1) === 100, "100");
  client.send(dataFrame(1, "abc", true));
  expect(await client.ended(1)).toBe("ended");
  expect(client.heads(1).map(([status]) => status)).toEqual([
    [":status", "100"],
    [":status", "417"],
  ]);
});

test.each([0, 262_144, 3_000_000])(
  "Content-Length of a response is kept: %d bytes",
  async (bytes) => {
    app.answer = () => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;
    const response = await ask("/");
    expect(response.headers.get("content-length")).toBe(String(bytes));
    expect((await response.bytes()).length).toBe(bytes);
  },
);

test.each(["/a/../b", "/a/./b/%2e%2e/c", "/a//b/%2F?x=../y", "/a\\b", "/a?x=\\"])(
  "a path arrives byte for byte: %s",
  async (path) => {
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request(path)));
    expect(await client.ended(1)).toBe("ended");
    expect(app.requests.at(-1)!.startLine).toBe(`GET ${path} HTTP/1.1`);
  },
);

test("bytes above ASCII in a path arrive escaped, none is lost", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request("/caf\xe9/\xc3\xa9")));
  expect(await client.ended(1)).toBe("ended");
  expect(app.requests.at(-1)!.startLine).toBe("GET /caf%E9/%C3%A9 HTTP/1.1");
});

test.each(["FOO", "QUERY", "M-SEARCH"])("method %s arrives, with its body", async (method) => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request("/", method), false), dataFrame(1, "abc", true));
  expect(await client.ended(1)).toBe("ended");
  expect(app.requests.at(-1)!.startLine).toBe(`${method} / HTTP/1.1`);
  expect(app.requests.at(-1)!.body.toString()).toBe("abc");
});

test("CONNECT is refused with 405", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(
    headersFrame(1, [
      [":method", "CONNECT"],
      [":authority", "app.test:443"],
    ]),
  );
  expect(await client.ended(1)).toBe("ended");
  expect(responseStatus(client.frames, 1)).toBe(405);
});

test("a head of 200 KB arrives whole", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  const large = Array.from({ length: 50 }, (_, i): Field => [`x-${i}`, "v".repeat(4_000)]);
  client.send(largeHeadFrames(1, request("/", "GET", ...large)));
  expect(await client.ended(1)).toBe("ended");
  const sizes = app.requests
    .at(-1)!
    .fields.filter(([name]) => /^x-\d/.test(name))
    .map(([, value]) => value.length);
  expect(sizes).toEqual(large.map(() => 4_000));
});

test("repeated fields of a response stay apart", async () => {
  app.answer = () =>
    "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
    "Content-Length: 0\r\n\r\n";
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  expect(await client.ended(1)).toBe("ended");
  const [head] = client.heads(1);
  const seen = head!.filter(([name]) => name === "x-a" || name === "set-cookie");
  expect(seen.map(([, value]) => value)).toEqual(["1", "2", "a=1", "b=2"]);
});

test("the last DATA frame ends the stream: what was sent is complete", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  await client.ended(1);
  expect(client.frames.at(-1)!.flags & flags.endStream).toBe(flags.endStream);
});

function ask(path: string): Promise<Response> {
  return fetch(`https://localhost:${proxy.httpsPort}${path}`, {
    protocol: "http2",
    tls: { rejectUnauthorized: false },
  });
}
