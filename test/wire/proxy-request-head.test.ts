/** The request head that the target sees, byte for byte, through the real proxy. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse, valuesOf, type RawMessage } from "../support/raw-response.ts";
import { startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
});
beforeEach(() => {
  app.requests.length = 0;
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

/** What the target got for one request; `lines` are its field lines besides Host. */
async function forwarded(start: string, lines: string[] = [], body = ""): Promise<RawMessage> {
  const head = [start, "Host: app.example.com", ...lines, "", ""].join("\r\n");
  using client = await connectRaw(proxy.httpPort);
  client.send(head + body);
  const response = await readResponse(client, start.split(" ")[0]);
  expect(response.status).toBe(200);
  return app.requests[0]!;
}

describe("request line", () => {
  test.each([
    "/",
    "/a/../b//c/./%2e%2e/x",
    "/%61pi%2Fv1/%e2%82%ac",
    "/a;b=c,d&e@f:g!$'()*+~",
    "/p?",
    "/p?q=a%20b&q=;%zz&&=&",
    "/p?a=/?b=?c",
    '/p?x=[1]{2}|\\^`"<>',
    `/${"long/".repeat(2_000)}`,
  ])("target %# reaches the app as it was sent", async (target) => {
    const request = await forwarded(`GET ${target} HTTP/1.1`);
    expect(request.startLine).toBe(`GET ${target} HTTP/1.1`);
  });

  test("characters that a URL should not hold are left alone", async () => {
    const request = await forwarded('GET /a|b{c}"d^e\\f`g HTTP/1.1');
    expect(request.startLine).toBe('GET /a|b{c}"d^e\\f`g HTTP/1.1');
  });

  test("bytes beyond ASCII are percent-encoded in the path, and left alone in the query", async () => {
    const request = await forwarded("GET /caf\xc3\xa9?a=\xc3\xa9&b=\xff%20 HTTP/1.1");
    expect(request.startLine).toBe("GET /caf%C3%A9?a=\xc3\xa9&b=\xff%20 HTTP/1.1");
  });

  test.each([
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "M-SEARCH",
    "foobar",
    "X!#$%&'*+-.^_`|~9",
  ])("method %s is passed on", async (method) => {
    const request = await forwarded(`${method} /m HTTP/1.1`);
    expect(request.startLine).toBe(`${method} /m HTTP/1.1`);
  });

  test("an absolute target becomes a path, and its host wins", async () => {
    const request = await forwarded("GET http://other.example.com:8080/x?y HTTP/1.1");
    expect(request.startLine).toBe("GET /x?y HTTP/1.1");
    expect(valuesOf(request, "host")).toEqual(["other.example.com:8080"]);
  });

  test("a request of HTTP/1.0 goes on as HTTP/1.1", async () => {
    const answer = await rawRequest(proxy.httpPort, "GET /old HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(app.requests[0]!.startLine).toBe("GET /old HTTP/1.1");
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    expect(answer).toEndWith("\r\n\r\nok");
  });
});

describe("request fields", () => {
  test("Host is as the client sent it", async () => {
    const head = "GET / HTTP/1.1\r\nhOsT: App.Example.COM:80\r\nConnection: close\r\n\r\n";
    await rawRequest(proxy.httpPort, head);
    expect(valuesOf(app.requests[0]!, "host")).toEqual(["App.Example.COM:80"]);
  });

  test("repeated, empty and non-ASCII values keep their order and bytes", async () => {
    const request = await forwarded("GET / HTTP/1.1", [
      "X-Many: one",
      "X-Empty:",
      "X-Many: two, three",
      "X-Bytes: caf\xc3\xa9 \xff",
      "X-Many:  four \t",
      "Cookie: a=1",
      "Cookie: b=2",
      "X-Inner: a  b\tc",
    ]);
    expect(valuesOf(request, "x-many")).toEqual(["one", "two, three", "four"]);
    expect(valuesOf(request, "x-empty")).toEqual([""]);
    expect(valuesOf(request, "x-bytes")).toEqual(["caf\xc3\xa9 \xff"]);
    expect(valuesOf(request, "cookie")).toEqual(["a=1", "b=2"]);
    expect(valuesOf(request, "x-inner")).toEqual(["a  b\tc"]);
  });

  test("nothing is invented for the client", async () => {
    const request = await forwarded("GET / HTTP/1.1");
    expect(request.fields.map(([name]) => name).toSorted()).toEqual([
      "host",
      "x-forwarded-for",
      "x-forwarded-host",
      "x-forwarded-proto",
      "x-kamal-target",
      "x-request-id",
      "x-request-start",
    ]);
  });

  test("fields of the connection are removed, with all that Connection names", async () => {
    const request = await forwarded("GET / HTTP/1.1", [
      "Connection: keep-alive, X-Secret",
      "Connection: x-other",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "Proxy-Authenticate: Basic",
      "Proxy-Authorization: Basic abc",
      "TE: gzip;q=0.5",
      "Trailer: X-Sum",
      "Upgrade: foo",
      "X-Secret: 1",
      "X-Other: 2",
      "X-Kept: 3",
      "Authorization: Bearer t",
    ]);
    const names = request.fields.map(([name]) => name);
    for (const gone of [
      "connection",
      "keep-alive",
      "proxy-connection",
      "proxy-authenticate",
      "proxy-authorization",
      "te",
      "trailer",
      "upgrade",
      "x-secret",
      "x-other",
    ]) {
      expect(names).not.toContain(gone);
    }
    expect(valuesOf(request, "x-kept")).toEqual(["3"]);
    expect(valuesOf(request, "authorization")).toEqual(["Bearer t"]);
  });

  test.each(["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n"])(
    "%j names no host: the target gets its own",
    async (head) => {
      using client = await connectRaw(proxy.httpPort);
      client.send(head);
      expect((await readResponse(client)).status).toBe(200);
      const request = app.requests[0]!;
      expect(valuesOf(request, "host")).toEqual([app.address]);
      expect(valuesOf(request, "x-forwarded-host")).toEqual([""]);
    },
  );

  test("TE keeps trailers only", async () => {
    const request = await forwarded("GET / HTTP/1.1", ["TE: trailers, gzip"]);
    expect(valuesOf(request, "te")).toEqual(["trailers"]);
  });

  test("a head of 64 KB passes", async () => {
    const value = "v".repeat(60_000);
    const request = await forwarded("GET / HTTP/1.1", [`X-Long: ${value}`]);
    expect(valuesOf(request, "x-long")).toEqual([value]);
  });
});
