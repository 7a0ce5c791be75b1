/** Bodies and trailers, both ways, through the real proxy: nothing lost, nothing added, framing kept. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { startRawServer } from "../support/raw-server.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

const services = ["streamed", "buffered"];

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("streamed", app.address, "--host=streamed");
  await proxy.deploy(
    "buffered",
    app.address,
    "--host=buffered",
    "--buffer-requests",
    "--buffer-responses",
    "--buffer-memory=100000",
  );
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const large = randomBytes(10 * 1024 * 1024);
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Chunks of uneven sizes, also tiny ones. */
function chunked(body: Buffer, trailers = ""): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = ((size * 7) % 65_521) + 1) {
    const chunk = body.subarray(at, at + size);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailers}\r\n`)]);
}

test("uploads that share their read events arrive whole, whether they are kept or passed on", async () => {
  app.answer = () => ok;
  using client = await connectRaw(proxy.httpPort);
  const bodies = [randomBytes(200_000), randomBytes(300_000), randomBytes(150_000)];
  const hosts = ["streamed", "buffered", "streamed"];
  const requests = bodies.map((body, turn) =>
    Buffer.concat([
      Buffer.from(
        `PUT / HTTP/1.1\r\nHost: ${hosts[turn]}\r\nContent-Length: ${body.length}\r\n\r\n`,
      ),
      body,
    ]),
  );
  client.send(Buffer.concat([...requests, ...requests]));
  for (let turn = 0; turn < 2 * bodies.length; turn++) {
    expect((await readResponse(client)).status).toBe(200);
  }
  const hashes = app.requests.splice(-2 * bodies.length).map(({ body }) => hashOf(body));
  expect(hashes).toEqual([...bodies, ...bodies].map(hashOf));
});

describe.each(services)("service %s", (host) => {
  test("an upload of known length arrives whole, with its Content-Length", async () => {
    app.answer = () => ok;
    using client = await connectRaw(proxy.httpPort);
    client.send(`PUT /u HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${large.length}\r\n\r\n`);
    client.send(large);
    expect((await readResponse(client)).status).toBe(200);
    const request = app.requests.pop()!;
    expect(valuesOf(request, "content-length")).toEqual([String(large.length)]);
    expect(valuesOf(request, "transfer-encoding")).toEqual([]);
    expect(hashOf(request.body)).toBe(hashOf(large));
  });

  test("a chunked upload arrives whole, with its length where it was collected", async () => {
    app.answer = () => ok;
    using client = await connectRaw(proxy.httpPort);
    client.send(`POST /u HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    client.send(chunked(large));
    expect((await readResponse(client)).status).toBe(200);
    const request = app.requests.pop()!;
    const isCollected = host === "buffered";
    expect(valuesOf(request, "transfer-encoding")).toEqual(isCollected ? [] : ["chunked"]);
    expect(valuesOf(request, "content-length")).toEqual(isCollected ? [`${large.length}`] : []);
    expect(hashOf(request.body)).toBe(hashOf(large));
  });

  test("trailers of an upload arrive", async () => {
    app.answer = () => ok;
    await rawRequest(
      proxy.httpPort,
      `POST /t HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nTrailer: X-Sum\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
    );
    const request = app.requests.pop()!;
    expect(request.body.toString()).toBe("abc");
    expect(request.trailers).toEqual([["x-sum", "6"]]);
  });

  test.each(["GET", "DELETE", "OPTIONS", "PROPFIND"])("%s may have a body", async (method) => {
    app.answer = () => ok;
    await rawRequest(
      proxy.httpPort,
      `${method} /b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody`,
    );
    expect(app.requests.pop()!.body.toString()).toBe("body");
  });

  test("a POST without a body has Content-Length: 0, a GET has none", async () => {
    app.answer = () => ok;
    const send = async (line: string): Promise<string[]> => {
      await rawRequest(
        proxy.httpPort,
        `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      return valuesOf(app.requests.pop()!, "content-length");
    };
    expect(await send("POST /")).toEqual(["0"]);
    expect(await send("GET /")).toEqual([]);
  });

  test("a download of known length arrives whole, with its Content-Length", async () => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`;
    app.answer = () => Buffer.concat([Buffer.from(head), large]);
    using client = await connectRaw(proxy.httpPort);
    client.send(`GET /d HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const response = await readResponse(client);
    expect(valuesOf(response, "content-length")).toEqual([String(large.length)]);
    expect(hashOf(response.body)).toBe(hashOf(large));
  });

  test("a chunked download arrives whole, and stays chunked", async () => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    app.answer = () => Buffer.concat([Buffer.from(head), chunked(large)]);
    using client = await connectRaw(proxy.httpPort);
    client.send(`GET /d HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const response = await readResponse(client);
    expect(valuesOf(response, "transfer-encoding")).toEqual(["chunked"]);
    expect(hashOf(response.body)).toBe(hashOf(large));
  });

  test("trailers of a download arrive", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n";
    using client = await connectRaw(proxy.httpPort);
    client.send(`GET /t HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const response = await readResponse(client);
    expect(response.body.toString()).toBe("abc");
    expect(response.trailers).toEqual([["x-sum", "6"]]);
  });

  test("a chunked download goes to a client of HTTP/1.0 until the close", async () => {
    app.answer = () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const answer = await rawRequest(proxy.httpPort, `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
    expect(answer).toEndWith("\r\n\r\nabcde");
  });

  test("an upload with Expect is asked for, and arrives", async () => {
    app.answer = () => ok;
    using client = await connectRaw(proxy.httpPort);
    client.send(
      `POST /e HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect((await readResponse(client)).status).toBe(100);
    client.send("body");
    expect((await readResponse(client)).status).toBe(200);
    expect(app.requests.pop()!.body.toString()).toBe("body");
  });
});

describe("streaming", () => {
  test("each piece of a response passes before the next one is made", async () => {
    const pieces = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];
    const taken = pieces.map(() => Promise.withResolvers<void>());
    app.answer = async (_request, connection) => {
      connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n");
      connection.send("Transfer-Encoding: chunked\r\n\r\n");
      for (const [i, piece] of pieces.entries()) {
        connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
        await taken[i]!.promise;
      }
      return "0\r\n\r\n";
    };
    using client = await connectRaw(proxy.httpPort);
    client.send("GET /sse HTTP/1.1\r\nHost: buffered\r\n\r\n");
    for (const [i, piece] of pieces.entries()) {
      await client.receive(piece);
      taken[i]!.resolve();
    }
    await client.receive("0\r\n\r\n");
  });

  test("each piece of an upload passes before the next one is sent", async () => {
    using echo = startScriptedApp(() => ok);
    await proxy.deploy("upload", echo.address, "--host=upload");
    using client = await connectRaw(proxy.httpPort);
    client.send("POST / HTTP/1.1\r\nHost: upload\r\nContent-Length: 9\r\n\r\n");
    for (const piece of ["one", "two", "thr"]) {
      const before = echo.receivedBytes;
      client.send(piece);
      await waitFor(() => echo.receivedBytes >= before + 3, "the piece at the app");
    }
    expect((await readResponse(client)).status).toBe(200);
    expect(echo.requests[0]!.body.toString()).toBe("onetwothr");
  });

  test("an answer before the upload is complete reaches the client at once", async () => {
    using early = startRawServer(async (connection) => {
      for (;;) {
        const head = await connection.receive("\r\n\r\n");
        if (head.startsWith("GET /up ")) connection.send(ok);
        else connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      }
    });
    await proxy.deploy("early", early.address, "--host=early");
    using client = await connectRaw(proxy.httpPort);
    client.send("POST / HTTP/1.1\r\nHost: early\r\nContent-Length: 1000000\r\n\r\nfirst");
    const response = await readResponse(client);
    expect(response.status).toBe(403);
    expect(response.body.toString()).toBe("no");
  });

  test("one large and slow download holds up no other request", async () => {
    app.answer = (request) =>
      request.startLine.includes("/large")
        ? Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`),
            large,
          ])
        : ok;
    using slow = await connectRaw(proxy.httpPort);
    slow.send("GET /large HTTP/1.1\r\nHost: streamed\r\n\r\n");
    await slow.receive("\r\n\r\n");
    slow.pause();
    const answer = await fetch(proxy.url, { headers: { Host: "streamed" } });
    expect(await answer.text()).toBe("ok");
    slow.resume();
    expect(hashOf(await slow.receiveBytes(large.length))).toBe(hashOf(large));
  });
});
