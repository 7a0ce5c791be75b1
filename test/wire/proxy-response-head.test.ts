/** Response heads from the target to the client, through the real proxy. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse, valuesOf, type RawResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  await proxy.deploy("buffered", app.address, "--host=buffered", "--buffer-responses");
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

/** The response that the client reads for these bytes, and that the connection can be used again. */
async function answered(bytes: string, method = "GET", host = "a"): Promise<RawResponse> {
  using client = await connectRaw(proxy.httpPort);
  app.answer = () => bytes;
  client.send(`${method} / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const response = await readResponse(client, method);
  app.answer = () => ok;
  client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  const next = await readResponse(client);
  expect(next.body.toString()).toBe("ok");
  return response;
}

/** Everything until the proxy closes. */
async function answerToLast(bytes: string, request: string): Promise<string> {
  app.answer = () => bytes;
  return await rawRequest(proxy.httpPort, request);
}

const getOld = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
const getAndClose = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

describe("status line", () => {
  test.each([200, 201, 206, 299, 301, 400, 404, 413, 418, 451, 500, 502, 503, 504, 599])(
    "%d of the app passes with its body",
    async (status) => {
      const response = await answered(
        `HTTP/1.1 ${status} Some Reason\r\nContent-Length: 4\r\n\r\nbody`,
      );
      expect(response.status).toBe(status);
      expect(response.body.toString()).toBe("body");
    },
  );

  test("the reason is the app's own", async () => {
    const response = await answered("HTTP/1.1 200 Fine  Thanks\r\nContent-Length: 0\r\n\r\n");
    expect(response.startLine).toBe("HTTP/1.1 200 Fine  Thanks");
  });

  test("an app that speaks HTTP/1.0 is understood", async () => {
    app.answer = (_request, connection) => {
      connection.send("HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nuntil the end").end();
      return null;
    };
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const response = await readResponse(client);
    expect(response.startLine).toStartWith("HTTP/1.1 200");
    expect(valuesOf(response, "transfer-encoding")).toEqual(["chunked"]);
    expect(response.body.toString()).toBe("until the end");
  });
});

describe("response fields", () => {
  test("keep order, repetition and bytes", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1; Path=/\r\nX-Empty:\r\n" +
        "Set-Cookie: b=2\r\nX-Bytes: \xe9\xff\r\nVary: Accept\r\nVary: Cookie\r\n\r\n",
    );
    expect(valuesOf(response, "set-cookie")).toEqual(["a=1; Path=/", "b=2"]);
    expect(valuesOf(response, "vary")).toEqual(["Accept", "Cookie"]);
    expect(valuesOf(response, "x-empty")).toEqual([""]);
    expect(valuesOf(response, "x-bytes")).toEqual(["\xe9\xff"]);
  });

  test("of the connection are removed, with all that Connection names", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Secret, keep-alive\r\n" +
        "Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Secret: 1\r\n" +
        "X-Kept: 2\r\n\r\n",
    );
    const names = response.fields.map(([name]) => name).toSorted();
    expect(names).toEqual(["content-length", "date", "x-kept"]);
  });

  test("Connection: close of the app does not close the client's connection", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    );
    expect(valuesOf(response, "connection")).toEqual([]);
  });

  test("Date is added when it is missing, and kept when it is there", async () => {
    const bare = await answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    expect(valuesOf(bare, "date")).toHaveLength(1);
    expect(Date.parse(valuesOf(bare, "date")[0]!)).toBeGreaterThan(Date.now() - 60_000);
    const date = "Mon, 01 Jan 2024 00:00:00 GMT";
    const dated = await answered(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: ${date}\r\n\r\n`);
    expect(valuesOf(dated, "date")).toEqual([date]);
  });

  test("nothing else is invented, neither Server nor Content-Type", async () => {
    const response = await answered("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
    expect(response.fields.map(([name]) => name).toSorted()).toEqual(["content-length", "date"]);
  });
});

describe.each(["a", "buffered"])("responses without a body from host %s", (host) => {
  test.each([204, 304])("%d has none, and the next answer follows", async (status) => {
    const response = await answered(`HTTP/1.1 ${status} X\r\nETag: "e"\r\n\r\n`, "GET", host);
    expect(response.status).toBe(status);
    expect(valuesOf(response, "etag")).toEqual(['"e"']);
    expect(valuesOf(response, "transfer-encoding")).toEqual([]);
  });

  test("204 loses a Content-Length, which nothing follows", async () => {
    for (const length of [0, 5]) {
      const response = await answered(
        `HTTP/1.1 204 X\r\nContent-Length: ${length}\r\n\r\n`,
        "GET",
        host,
      );
      expect(response.status).toBe(204);
      expect(valuesOf(response, "content-length")).toEqual([]);
    }
  });

  test("304 keeps the Content-Length that GET would have", async () => {
    const response = await answered("HTTP/1.1 304 X\r\nContent-Length: 1234\r\n\r\n", "GET", host);
    expect(response.status).toBe(304);
    expect(valuesOf(response, "content-length")).toEqual(["1234"]);
  });

  test("the answer to HEAD keeps its Content-Length", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
      "HEAD",
      host,
    );
    expect(valuesOf(response, "content-length")).toEqual(["1234"]);
  });

  test("the answer to HEAD of a chunked page has no body either", async () => {
    const response = await answered(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HEAD",
      host,
    );
    expect(response.status).toBe(200);
    expect(valuesOf(response, "content-length")).toEqual([]);
  });

  test("Content-Length: 0 stays", async () => {
    const response = await answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", host);
    expect(valuesOf(response, "content-length")).toEqual(["0"]);
  });
});

describe("informational responses", () => {
  const hints =
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.css>\r\n\r\n" +
    "HTTP/1.1 100 Continue\r\n\r\n";

  test("pass as they come, and leave nothing behind in the final one", async () => {
    const release = Promise.withResolvers<void>();
    app.answer = async (_request, connection) => {
      connection.send(hints);
      await release.promise;
      return ok;
    };
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const first = await readResponse(client);
    expect(first.status).toBe(103);
    expect(first.fields).toEqual([
      ["link", "</a.css>; rel=preload"],
      ["link", "</b.css>"],
    ]);
    expect((await readResponse(client)).status).toBe(100);
    release.resolve();
    const last = await readResponse(client);
    expect(last.status).toBe(200);
    expect(valuesOf(last, "link")).toEqual([]);
    expect(last.body.toString()).toBe("ok");
  });

  test("are not sent to clients of HTTP/1.0", async () => {
    const answer = await answerToLast(hints + ok, getOld);
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
  });

  test("pass when responses are buffered, and the final status stays", async () => {
    const answer = await answerToLast(
      `${hints}HTTP/1.1 404 Gone Fishing\r\nContent-Length: 2\r\n\r\nno`,
      getAndClose.replace("Host: a", "Host: buffered"),
    );
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual([
      "HTTP/1.1 103",
      "HTTP/1.1 100",
      "HTTP/1.1 404",
    ]);
    expect(answer).toEndWith("\r\n\r\nno");
  });
});

describe("persistence", () => {
  test("a client that says close is told so and closed", async () => {
    const answer = await answerToLast(ok, getAndClose);
    expect(answer).toContain("\r\nConnection: close\r\n");
    expect(answer).toEndWith("\r\n\r\nok");
  });

  test("a client of HTTP/1.0 that asks for it may go on", async () => {
    app.answer = () => ok;
    using client = await connectRaw(proxy.httpPort);
    for (const path of ["/1", "/2"]) {
      client.send(`GET ${path} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`);
      const response = await readResponse(client);
      expect(valuesOf(response, "connection").join().toLowerCase()).toBe("keep-alive");
      expect(response.body.toString()).toBe("ok");
    }
  });

  test("requests one after the other share connections on both sides", async () => {
    app.answer = (request) => {
      const [, path = ""] = request.startLine.split(" ");
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
    };
    await proxy.deploy("kept", app.address, "--host=kept");
    const earlier = app.connections.length;
    using client = await connectRaw(proxy.httpPort);
    for (let i = 0; i < 50; i++) {
      client.send(`GET /${i} HTTP/1.1\r\nHost: kept\r\n\r\n`);
      expect((await readResponse(client)).body.toString()).toBe(`/${i}`);
    }
    expect(app.connections.length - earlier).toBeLessThanOrEqual(1);
  });

  test("pipelined requests are answered in order, each once", async () => {
    app.answer = (request) => {
      const [, path = ""] = request.startLine.split(" ");
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
    };
    app.requests.length = 0;
    using client = await connectRaw(proxy.httpPort);
    const paths = Array.from({ length: 300 }, (_, i) => `/${i}`);
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    for (const path of paths) expect((await readResponse(client)).body.toString()).toBe(path);
    expect(app.requests.length).toBe(300);
  });
});
