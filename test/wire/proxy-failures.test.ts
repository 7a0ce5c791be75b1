/** What the client sees when the target fails, and what the target sees when the client does. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ProxyProcess, type LogLine } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  await proxy.deploy("hasty", app.address, "--host=hasty", "--target-timeout=200ms");
  const buffering = ["--buffer-requests", "--buffer-responses", "--target-timeout=200ms"];
  await proxy.deploy("buffered", app.address, "--host=buffered", ...buffering);
});
beforeEach(() => {
  app.requests.length = 0;
  app.answer = () => ok;
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const get = (path: string, host = "a"): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const logOf = (path: string): Promise<LogLine> =>
  proxy.waitForLog((line) => line["msg"] === "Request" && line["path"] === path);

/** Sends these bytes and closes: the connection is not used again. */
function lastWords(bytes: string): void {
  app.answer = (_request, connection) => {
    connection.send(bytes);
    connection.close();
    return null;
  };
}

const faults: [what: string, bytes: string][] = [
  ["closes without an answer", ""],
  ["closes within the head", "HTTP/1.1 200 OK\r\nContent-Le"],
  ["sends no HTTP", "SSH-2.0-OpenSSH_9.0\r\n\r\n"],
  [
    "sends two different lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
  ],
  ["sends a malformed length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"],
  ["sends an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\nok"],
  [
    "sends a malformed chunk together with the head",
    "HTTP/1.1 200 OK\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n\r\n",
  ],
];

describe.each(["a", "buffered"])("a target of host %s", (host) => {
  test.each(faults)("that %s is a 502 page", async (_what, bytes) => {
    lastWords(bytes);
    using client = await connectRaw(proxy.httpPort);
    client.send(`POST /fault HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\nhi`);
    const response = await readResponse(client);
    expect(response.status).toBe(502);
    expect(valuesOf(response, "content-type")).toEqual(["text/html; charset=utf-8"]);
    expect(response.body.toString()).toContain("<title>502 — Bad Gateway</title>");
    expect(valuesOf(response, "x-own")).toEqual([]);
    app.answer = () => ok;
    client.send(get("/after", host));
    expect((await readResponse(client)).body.toString()).toBe("ok");
  });
});

describe("a target", () => {
  test("that refuses the connection is a 502 page, with its log lines", async () => {
    const dead = startScriptedApp();
    await proxy.deploy("dead", dead.address, "--host=dead");
    dead[Symbol.dispose]();
    const answer = await rawRequest(proxy.httpPort, `${get("/dead", "dead")}`, {
      until: "</html>",
    });
    expect(answer).toStartWith("HTTP/1.1 502 Bad Gateway\r\n");
    expect(await logOf("/dead")).toMatchObject({ status: 502, service: "dead" });
    const error = await proxy.waitForLog("Error while proxying");
    expect(error).toMatchObject({ level: "ERROR" });
  });

  test.each(["hasty", "buffered"])(
    "of host %s that does not answer is a 504 page",
    async (host) => {
      app.answer = () => null;
      using client = await connectRaw(proxy.httpPort);
      client.send(get(`/slow-${host}`, host));
      const response = await readResponse(client);
      expect(response.status).toBe(504);
      expect(response.body.toString()).toContain("<title>504 — Gateway Timeout</title>");
      expect(await logOf(`/slow-${host}`)).toMatchObject({ status: 504 });
      const reason = { level: "INFO", msg: "Target timed out", target: app.address };
      expect(proxy.logs.find((line) => line["path"] === `/slow-${host}`)).toMatchObject(reason);
      // It is not left waiting either.
      await app.connections.at(-1)!.receiveAll();
    },
  );

  test("that dribbles its head is a 504 page", async () => {
    app.answer = async (_request, connection) => {
      // One field, because there may not be thousands of them.
      connection.send("HTTP/1.1 200 OK\r\nX-Drip: ");
      while (!connection.peerEnded) {
        connection.send("1");
        await new Promise((resolve) => setImmediate(resolve));
      }
      return null;
    };
    const answer = await rawRequest(proxy.httpPort, get("/drip", "hasty"), { until: "</html>" });
    expect(answer).toStartWith("HTTP/1.1 504 ");
  });

  test("has all the time it wants for the body", async () => {
    const more = Promise.withResolvers<void>();
    app.answer = async (_request, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
      await more.promise;
      return "body";
    };
    using client = await connectRaw(proxy.httpPort);
    client.send(get("/body", "hasty"));
    await client.receive("\r\n\r\n");
    // Another request runs into the timeout meanwhile.
    const { answer } = app;
    app.answer = () => null;
    await rawRequest(proxy.httpPort, get("/other", "hasty"), { until: "</html>" });
    app.answer = answer;
    more.resolve();
    expect((await client.receiveBytes(4)).toString()).toBe("body");
  });
});

const cutBodies: [what: string, bytes: string][] = [
  ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst part"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nfirst part\r\n"],
  [
    "in chunks, within one",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nfirst part",
  ],
  [
    "in chunks, before the last line",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nfirst part\r\n0\r\n",
  ],
];

describe("a response that breaks off", () => {
  test.each(cutBodies)("%s never looks complete", async (_what, bytes) => {
    lastWords(bytes);
    const answer = await rawRequest(proxy.httpPort, get("/cut"));
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(answer).toContain("first part");
    expect(answer).not.toContain("\r\n0\r\n");
  });

  test("of known length is a 502 page when responses are buffered", async () => {
    lastWords(cutBodies[0]![1]);
    const answer = await rawRequest(proxy.httpPort, get("/cut", "buffered"), { until: "</html>" });
    expect(answer).toStartWith("HTTP/1.1 502 ");
    expect(answer).not.toContain("first part");
  });
});

describe("a kept connection that the target has dropped", () => {
  /** One answered request, so that a connection is kept; then each request on it is dropped. */
  async function keepThenDrop(client: RawConnection): Promise<void> {
    client.send(get("/warm", "fickle"));
    expect((await readResponse(client)).status).toBe(200);
  }

  async function fickleApp(): Promise<ScriptedApp> {
    const answered = new Set<RawConnection>();
    const fickle = startScriptedApp((_request, connection) => {
      if (!answered.has(connection)) {
        answered.add(connection);
        return ok;
      }
      connection.close();
      return null;
    });
    await proxy.deploy("fickle", fickle.address, "--host=fickle");
    return fickle;
  }

  test.each([
    ["GET", ""],
    ["HEAD", ""],
    ["OPTIONS", ""],
    ["PUT", ""],
    ["PUT", "Content-Length: 0\r\n"],
    ["DELETE", ""],
    ["DELETE", "Content-Length: 0\r\n"],
  ])("%s is sent again, with the fields %j", async (method, lines) => {
    using fickle = await fickleApp();
    using client = await connectRaw(proxy.httpPort);
    await keepThenDrop(client);
    client.send(`${method} /again HTTP/1.1\r\nHost: fickle\r\n${lines}\r\n`);
    expect((await readResponse(client, method)).status).toBe(200);
    const again = fickle.requests.filter(({ startLine }) => startLine.includes("/again"));
    expect(again).toHaveLength(2);
    expect(new Set(again.map(({ head }) => head)).size).toBe(1);
  });

  test("POST is not sent again: 502", async () => {
    using fickle = await fickleApp();
    using client = await connectRaw(proxy.httpPort);
    await keepThenDrop(client);
    client.send("POST /once HTTP/1.1\r\nHost: fickle\r\nContent-Length: 2\r\n\r\nhi");
    expect((await readResponse(client)).status).toBe(502);
    const once = fickle.requests.filter(({ startLine }) => startLine.includes("/once"));
    expect(once).toHaveLength(1);
  });

  test("while it was idle is not used, not even for POST", async () => {
    let first = true;
    using closing = startScriptedApp((_request, connection) => {
      if (!first) return ok;
      first = false;
      connection.send(ok);
      connection.close();
      return null;
    });
    await proxy.deploy("closing", closing.address, "--host=closing");
    using client = await connectRaw(proxy.httpPort);
    client.send(get("/warm", "closing"));
    await readResponse(client);
    await waitFor(() => closing.connections[0]!.peerEnded, "the proxy to see the end");
    client.send("POST /fresh HTTP/1.1\r\nHost: closing\r\nContent-Length: 2\r\n\r\nhi");
    expect((await readResponse(client)).status).toBe(200);
  });
});

describe("a client that leaves", () => {
  test("before the answer: the target's connection is closed, the log says 499", async () => {
    app.answer = () => null;
    using client = await connectRaw(proxy.httpPort);
    client.send(get("/left"));
    await waitFor(() => app.requests.length === 1, "the request at the app");
    const upstream = app.connections.at(-1)!;
    client.reset();
    await upstream.receiveAll();
    expect(await logOf("/left")).toMatchObject({ status: 499, target: app.address });
  });

  test("within the answer: the target's connection is closed, the log keeps the status", async () => {
    app.answer = (_request, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\na\r\nfirst part\r\n");
      return null;
    };
    using client = await connectRaw(proxy.httpPort);
    client.send(get("/left-later"));
    await client.receive("first part");
    const upstream = app.connections.at(-1)!;
    client.reset();
    await upstream.receiveAll();
    expect(await logOf("/left-later")).toMatchObject({ status: 200, resp_content_length: 10 });
  });

  test.each(["a", "buffered"])(
    "within an upload to host %s: it is never complete",
    async (host) => {
      using client = await connectRaw(proxy.httpPort);
      client.send(`POST /gone-${host} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 10\r\n`);
      client.send("Expect: 100-continue\r\n\r\n");
      // The proxy has read the head then; a reset would take it away before.
      await client.receive("100 Continue\r\n\r\n");
      client.send("five!");
      client.reset();
      expect(await logOf(`/gone-${host}`)).toMatchObject({ status: 499 });
      expect(app.requests).toEqual([]);
    },
  );

  test("within a chunked upload: it is never complete", async () => {
    const received = app.receivedBytes;
    using client = await connectRaw(proxy.httpPort);
    client.send("POST /gone-chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nfive!\r\n");
    await waitFor(() => app.receivedBytes > received + 200, "the first part at the app");
    client.reset();
    expect(await logOf("/gone-chunks")).toMatchObject({ status: 499 });
    expect(app.requests).toEqual([]);
  });
});

describe("a malformed upload", () => {
  test.each(["a", "buffered"])("to host %s is a 400, and never complete", async (host) => {
    const answer = await rawRequest(
      proxy.httpPort,
      `POST /bad HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n`,
    );
    expect(answer).toStartWith("HTTP/1.1 400 Bad Request\r\n");
    expect(app.requests).toEqual([]);
  });
});
