import { describe, expect, test } from "bun:test";
import { connectRaw } from "../../support/raw-connection.ts";
import { rawRequest } from "../../support/raw-request.ts";
import { readRequest, readResponse, valuesOf } from "../../support/raw-response.ts";
import { startAnsweringServer, startRawServer } from "../../support/raw-server.ts";
import { waitFor } from "../../support/wait-for.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

describe("rawRequest", () => {
  test("returns the exact bytes up to the end of the connection", async () => {
    using server = startRawServer(async (connection) => {
      const head = await connection.receive("\r\n\r\n");
      connection.send(`got ${head.length}\xff`).end();
    });
    expect(await rawRequest(server.port, ["GET / HTTP/1.1\r\n", "\r\n"])).toBe("got 18\xff");
  });

  test("stops at a text while the connection is kept open", async () => {
    using server = startAnsweringServer(ok);
    expect(await rawRequest(server.port, "GET / HTTP/1.1\r\n\r\n", { until: "hi" })).toBe(ok);
  });

  test("fails with what it has when the peer ends too early", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1").end();
    });
    const answer = rawRequest(server.port, "GET / HTTP/1.1\r\n\r\n", { until: "\r\n\r\n" });
    await expect(answer).rejects.toThrow('the peer ended before "\\r\\n\\r\\n"; unread: HTTP/1.1');
  });
});

describe("RawConnection", () => {
  test("keeps its own direction open when the peer ends its own", async () => {
    using server = startRawServer(async (connection) => {
      connection.send("bye").end();
      connection.send("");
      expect((await connection.receiveAll()).toString()).toBe("still here");
    });
    using client = await connectRaw(server.port);
    expect((await client.receiveAll()).toString()).toBe("bye");
    client.send("still here").end();
    await client.closed();
    await waitFor(() => server.connections[0]?.isClosed, "the server side to close");
    expect(server.errors).toEqual([]);
  });

  test("sends more than the kernel takes at once", async () => {
    const bytes = Buffer.alloc(20_000_000, "x");
    using server = startRawServer((connection) => connection.send(bytes).end());
    using client = await connectRaw(server.port);
    expect((await client.receiveBytes(bytes.length)).equals(bytes)).toBe(true);
  });

  test("sees a reset as a closed connection", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("x");
      connection.reset();
    });
    using client = await connectRaw(server.port);
    client.send("x");
    await client.closed();
    expect(client.isClosed).toBe(true);
  });

  test("refuses a port that nobody listens on", async () => {
    using server = startRawServer(() => undefined);
    const port = server.port;
    server[Symbol.dispose]();
    await expect(connectRaw(port)).rejects.toThrow();
  });
});

describe("readResponse", () => {
  test("reads responses of each framing one after the other", async () => {
    using server = startRawServer((connection) => {
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      connection.send(ok);
      connection.send("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nA: 1\r\na:  2 \r\n\r\n");
      connection.send("3;x=y\r\nabc\r\n0\r\nT: end\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\n\r\nto the end").end();
    });
    using client = await connectRaw(server.port);
    const hints = await readResponse(client);
    expect([hints.status, hints.reason, hints.fields]).toEqual([
      103,
      "Early Hints",
      [["link", "</a>"]],
    ]);
    expect((await readResponse(client)).body.toString()).toBe("hi");
    const chunked = await readResponse(client);
    expect(chunked.body.toString()).toBe("abc");
    expect(chunked.trailers).toEqual([["t", "end"]]);
    expect(valuesOf(chunked, "A")).toEqual(["1", "2"]);
    expect((await readResponse(client)).body.toString()).toBe("to the end");
  });

  test("takes no body after HEAD", async () => {
    using server = startAnsweringServer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    using client = await connectRaw(server.port);
    client.send("HEAD / HTTP/1.1\r\n\r\n");
    expect((await readResponse(client, "HEAD")).body.length).toBe(0);
  });
});

describe("readRequest", () => {
  test("reads pipelined requests with and without a body", async () => {
    const seen: string[] = [];
    using server = startRawServer(async (connection) => {
      for (let i = 0; i < 2; i++) {
        const request = await readRequest(connection);
        seen.push(`${request.startLine} ${request.body}`);
      }
      connection.end();
    });
    await rawRequest(
      server.port,
      "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n",
    );
    expect(seen).toEqual(["POST /a HTTP/1.1 abc", "GET /b HTTP/1.1 "]);
  });
});
