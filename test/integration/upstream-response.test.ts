/** Responses of a target, byte by byte: framing, errors, time, back-pressure, early answers. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { Http1Transport } from "../../src/data-plane/upstream/http1/http1-transport.ts";
import { ExchangeError } from "../../src/protocols/http/exchange-error.ts";
import { chunkedBody } from "../../src/protocols/http/body-framing.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { freePorts } from "../support/free-ports.ts";
import { startFullListener } from "../support/full-listener.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startRawServer } from "../support/raw-server.ts";
import { RecordingReceiver } from "../support/recording-receiver.ts";
import { ScriptedBody } from "../support/scripted-body.ts";
import { upstreamRequest } from "../support/upstream-request.ts";
import { systemConnector } from "../support/system-connector.ts";
import { waitFor } from "../support/wait-for.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const MB = 1024 * 1024;

function transportTo(port: number, clock = new ManualClock(), host = "127.0.0.1") {
  return new Http1Transport({ connector: systemConnector, host, port, clock });
}

async function send(transport: Http1Transport, ...request: Parameters<typeof upstreamRequest>) {
  const receiver = new RecordingReceiver();
  transport.send(upstreamRequest(...request), receiver);
  await receiver.outcome();
  return receiver;
}

/** Answers the first head with these pieces, each in a write of its own, then ends or stays. */
function startPieces(pieces: string[], leave: "end" | "reset" | "stay" = "stay") {
  return startRawServer(async (connection) => {
    await connection.receive("\r\n\r\n");
    for (const piece of pieces) {
      connection.send(piece);
      await Bun.sleep(0);
    }
    if (leave === "end") connection.end();
    if (leave === "reset") connection.reset();
  });
}

function upload(length: number, body: ScriptedBody) {
  return {
    fields: `Content-Length: ${length}\r\n`,
    framing: { kind: "length", length } as const,
    body,
  };
}

describe("a response", () => {
  test("arrives whole when its bytes come one at a time", async () => {
    const message =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: 1\r\n\r\n";
    using server = startPieces([...message]);
    const transport = transportTo(server.port);
    const receiver = await send(transport);
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(receiver.body).toBe("ok");
    expect(receiver.trailers?.get("t")).toBe("1");
    expect(transport.idleCount).toBe(1);
    transport.retire();
  });

  test("without a length ends with the connection", async () => {
    using server = startPieces(["HTTP/1.1 200 OK\r\n\r\nhello", " world"], "end");
    const receiver = await send(transportTo(server.port));
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(receiver.body).toBe("hello world");
  });

  test("passes informational responses as they come", async () => {
    using server = startPieces([
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      ok,
    ]);
    const transport = transportTo(server.port);
    const receiver = await send(transport);
    expect(receiver.informational).toEqual([100, 103]);
    expect(receiver.events).toEqual(["1xx", "1xx", "head", "end", "complete"]);
    transport.retire();
  });

  test("is flushed after each read", async () => {
    using server = startPieces(["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst"]);
    const receiver = new RecordingReceiver();
    const call = transportTo(server.port).send(upstreamRequest(), receiver);
    await waitFor(() => receiver.bodyBytes === 5, "the first bytes");
    expect(receiver.unflushedBytes).toBe(0);
    call.cancel();
  });

  for (const [name, head] of [
    ["a length", "Content-Length: 9\r\n\r\nshort"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"],
  ] as const) {
    for (const leave of ["end", "reset"] as const) {
      test(`with ${name} that is cut short by ${leave} never looks complete`, async () => {
        using server = startPieces([`HTTP/1.1 200 OK\r\n${head}`], leave);
        const receiver = await send(transportTo(server.port));
        expect(receiver.events).toEqual(["head", "abort", "error"]);
        expect(receiver.error!.code).toBe("connection-lost");
      });
    }
  }

  test("without a length that ends in a reset never looks complete", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\n\r\nhalf");
      await waitFor(() => receiver.bodyBytes === 4, "the body to arrive");
      connection.reset();
    });
    const receiver = new RecordingReceiver();
    transportTo(server.port).send(upstreamRequest(), receiver);
    expect(await receiver.outcome()).toBe("error");
    expect(receiver.events).toEqual(["head", "abort", "error"]);
  });

  for (const [name, bytes] of [
    ["is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["has another version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["has two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"],
    ["has an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["has a control byte", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"],
    ["folds a line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
    ["never ends its head", `HTTP/1.1 200 OK\r\n${`X: ${"y".repeat(9_996)}\r\n`.repeat(120)}`],
  ] as const) {
    test(`that ${name} is malformed and its connection closed`, async () => {
      using server = startPieces([bytes]);
      const transport = transportTo(server.port);
      const receiver = await send(transport);
      expect(receiver.events).toEqual(["error"]);
      expect(receiver.error!.code).toBe("malformed-response");
      expect(transport.idleCount).toBe(0);
      await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
    });
  }

  test("with a malformed chunk is aborted after its head", async () => {
    using server = startPieces([
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
      "zz\r\n",
    ]);
    const receiver = await send(transportTo(server.port));
    expect(receiver.events).toEqual(["head", "abort", "error"]);
    expect(receiver.error!.code).toBe("malformed-response");
  });

  test("is no longer heard of when the request was cancelled", async () => {
    using server = startPieces(["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst"]);
    const receiver = new RecordingReceiver();
    const call = transportTo(server.port).send(upstreamRequest(), receiver);
    await waitFor(() => receiver.bodyBytes > 0, "the first bytes");
    call.cancel();
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
    expect(receiver.events).toEqual(["head"]);
  });

  test("is no longer heard of when its source was cancelled in the middle of a read", async () => {
    using server = startPieces([ok]);
    const receiver = new RecordingReceiver();
    receiver.onEvent = () => queueMicrotask(() => {});
    const transport = transportTo(server.port);
    receiver.write = () => {
      receiver.source!.cancel();
      return false;
    };
    transport.send(upstreamRequest(), receiver);
    await waitFor(() => server.connections[0]?.peerEnded, "the connection to be closed");
    expect(receiver.events).toEqual(["head"]);
    expect(transport.idleCount).toBe(0);
  });

  test("does not mind a stale cancel or resume after its end", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send(ok);
      await connection.receive("\r\n\r\n");
      await waitFor(() => staleIsDone, "the stale calls");
      connection.send(ok);
    });
    let staleIsDone = false;
    const transport = transportTo(server.port);
    const first = new RecordingReceiver();
    const firstCall = transport.send(upstreamRequest(), first);
    await first.outcome();
    const second = new RecordingReceiver();
    transport.send(upstreamRequest(), second);
    first.source!.pause();
    first.source!.resume();
    first.source!.cancel();
    firstCall.cancel();
    staleIsDone = true;
    expect(await second.outcome()).toBe("complete");
    transport.retire();
  });

  test("is held back while the sink is full, so that memory stays bounded", async () => {
    const total = 48 * MB;
    const piece = Buffer.alloc(MB, "x");
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      for (let sent = 0; sent < total; sent += MB) connection.send(piece);
    });
    const transport = transportTo(server.port);
    const receiver = new RecordingReceiver({ keepsBody: false });
    receiver.takesMore = false;
    transport.send(upstreamRequest(), receiver);
    let before = 0;
    for (let reads = 0; reads < 10; reads++) {
      await waitFor(() => receiver.bodyBytes > before, "the next read");
      const received = receiver.bodyBytes;
      await Bun.sleep(1);
      // Held back: one read comes for each resume, and no more.
      expect(receiver.bodyBytes).toBe(received);
      expect(received - before).toBeLessThanOrEqual(MB);
      before = received;
      if (reads === 9) receiver.takesMore = true;
      receiver.source!.resume();
    }
    expect(await receiver.outcome()).toBe("complete");
    expect(receiver.bodyBytes).toBe(total);
    expect(transport.idleCount).toBe(1);
    transport.retire();
  });

  test("that ends while it is held back leaves a connection that notices the target's close", async () => {
    using server = startPieces([ok]);
    const transport = transportTo(server.port);
    const receiver = new RecordingReceiver();
    receiver.takesMore = false;
    transport.send(upstreamRequest(), receiver);
    expect(await receiver.outcome()).toBe("complete");
    server.connections[0]!.end();
    await waitFor(() => transport.idleCount === 0, "the closed connection to go");
  });
});

describe("a target that can't be reached", () => {
  test("fails with the reason when it refuses", async () => {
    const [port] = freePorts(1) as [number];
    const receiver = await send(transportTo(port));
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error!.code).toBe("connect-failed");
    expect(receiver.error!.message).toContain(`127.0.0.1:${port}`);
    expect(receiver.error!.message).toContain("connect: connection refused");
  });

  test("fails with the reason when its name does not resolve", async () => {
    const receiver = await send(transportTo(80, new ManualClock(), "nowhere.invalid"));
    expect(receiver.error!.code).toBe("connect-failed");
    expect(receiver.error!.message).toContain("nowhere.invalid");
  });

  test("fails after send has returned also when the address is impossible", async () => {
    const receiver = new RecordingReceiver();
    transportTo(70_000).send(upstreamRequest(), receiver);
    expect(receiver.events).toEqual([]);
    await receiver.outcome();
    expect(receiver.error!.code).toBe("connect-failed");
  });

  test("leaves an unstarted body alone", async () => {
    const body = ScriptedBody.of("hello");
    const receiver = await send(transportTo(freePorts(1)[0]!), "POST", upload(5, body));
    expect(receiver.error!.code).toBe("connect-failed");
    expect([body.sink, body.cancelled]).toEqual([null, false]);
  });

  test("times out when the connect hangs, by the shorter of connect and response time", async () => {
    await using full = await startFullListener();
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    for (const [responseTimeoutMs, expectedMs] of [
      [0, 10_000],
      [60_000, 10_000],
      [500, 500],
    ] as const) {
      const clock = new ManualClock();
      const receiver = new RecordingReceiver();
      transportTo(full.port, clock).send(upstreamRequest("GET", { responseTimeoutMs }), receiver);
      await waitFor(() => descriptors() > before, "the connect to be under way");
      clock.advance(expectedMs - 1);
      expect(receiver.events).toEqual([]);
      clock.advance(1);
      expect(receiver.events).toEqual(["error"]);
      expect(receiver.error!.code).toBe("connect-timeout");
      await waitFor(() => descriptors() <= before, "the socket to be closed");
      expect(clock.pendingTimers).toBe(0);
    }
  });
});

describe("the response timeout", () => {
  test("counts from the end of the request to the end of the head, exactly", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      for (const byte of "HTTP/1.1 200 OK\r\nX: ") {
        connection.send(byte);
        await Bun.sleep(0);
      }
    });
    const clock = new ManualClock();
    const receiver = new RecordingReceiver();
    transportTo(server.port, clock).send(
      upstreamRequest("GET", { responseTimeoutMs: 1_000 }),
      receiver,
    );
    await waitFor(() => receiver.informational.length === 1, "the early hints");
    clock.advance(999);
    expect(receiver.events).toEqual(["1xx"]);
    clock.advance(1);
    expect(receiver.events).toEqual(["1xx", "error"]);
    expect(receiver.error!.code).toBe("response-timeout");
    expect(clock.pendingTimers).toBe(0);
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
  });

  test("does not count the upload or the body of the response", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("hello");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      await waitFor(() => receiver.head !== null, "the head to arrive");
      clock.advance(5_000);
      connection.send("ok");
    });
    const clock = new ManualClock();
    const receiver = new RecordingReceiver();
    const body = new ScriptedBody();
    const transport = transportTo(server.port, clock);
    transport.send(
      upstreamRequest("POST", { ...upload(5, body), responseTimeoutMs: 1_000 }),
      receiver,
    );
    await waitFor(() => body.sink !== null, "the body to be started");
    clock.advance(5_000);
    body.push("hel");
    clock.advance(5_000);
    body.push("lo");
    body.end();
    clock.advance(999);
    expect(await receiver.outcome()).toBe("complete");
    transport.retire();
  });
});

describe("a request body", () => {
  test("goes out with its head and in the framing that the head states", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("hello");
      connection.send(ok);
      await connection.receive("0\r\nT: 1\r\n\r\n");
      connection.send(ok);
    });
    const transport = transportTo(server.port);
    const body = ScriptedBody.of("hello");
    expect((await send(transport, "POST", upload(5, body))).events.at(-1)).toBe("complete");

    const chunked = new ScriptedBody((source) => {
      source.push("");
      source.push("hello");
      source.push("x".repeat(20_000));
      source.end(Fields.of(["T", "1"]));
    });
    const wire: string[] = [];
    const connection = server.connections[0]!;
    const receive = connection.received.bind(connection);
    connection.received = (bytes) => {
      wire.push(Buffer.from(bytes).toString("latin1"));
      receive(bytes);
    };
    const receiver = await send(transport, "POST", {
      framing: chunkedBody,
      body: chunked,
    });
    expect(receiver.events.at(-1)).toBe("complete");
    expect(wire.join("").split("\r\n\r\n").slice(1).join("\r\n\r\n")).toBe(
      `5\r\nhello\r\n4e20\r\n${"x".repeat(20_000)}\r\n0\r\nT: 1\r\n\r\n`,
    );
    expect(server.connections.length).toBe(1);
    transport.retire();
  });

  for (const [name, text, message] of [
    ["ends short", "hell", "shorter"],
    ["is too long", "hello!", "longer"],
  ] as const) {
    test(`that ${name} breaks the connection, so that the target sees no complete request`, async () => {
      using server = startRawServer(() => {});
      const receiver = await send(
        transportTo(server.port),
        "POST",
        upload(5, ScriptedBody.of(text)),
      );
      expect(receiver.events).toEqual(["error"]);
      expect(receiver.error!.code).toBe("malformed-request");
      expect(receiver.error!.message).toContain(message);
      await waitFor(() => server.connections[0]?.peerEnded, "the connection to be closed");
      expect(server.connections[0]!.unread).not.toContain("hello");
    });
  }

  test("that the client breaks off closes the connection and passes the reason on", async () => {
    using server = startRawServer(() => {});
    const reasons = [
      [new Error("the client left"), "client-gone"],
      [new ExchangeError("request-too-large", "too much"), "request-too-large"],
    ] as const;
    for (const [index, [error, code]] of reasons.entries()) {
      const body = new ScriptedBody((source) => source.push("hel"));
      const receiver = new RecordingReceiver();
      transportTo(server.port).send(upstreamRequest("POST", upload(5, body)), receiver);
      await waitFor(() => server.connections[index]?.unread.endsWith("hel"), "the first bytes");
      body.sink!.abort(error);
      expect(await receiver.outcome()).toBe("error");
      expect(receiver.error!.code).toBe(code);
      await waitFor(() => server.connections[index]!.peerEnded, "the connection to be closed");
      expect(server.connections[index]!.isClosed).toBe(true);
    }
  });

  test("whose abort comes at once is reported after send has returned", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send(ok);
    });
    const transport = transportTo(server.port);
    await send(transport);
    const receiver = new RecordingReceiver();
    const body = new ScriptedBody((source) => source.sink!.abort(new Error("gone")));
    transport.send(upstreamRequest("POST", upload(5, body)), receiver);
    expect(receiver.events).toEqual([]);
    expect(await receiver.outcome()).toBe("error");
    expect(receiver.error!.code).toBe("client-gone");
  });

  test("is held back while the target does not read, and goes on when it does", async () => {
    const total = 32 * MB;
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.pause();
      await waitFor(() => body.paused, "the upload to be held back");
      connection.resume();
      await waitFor(() => connection.receivedBytes >= total, "the whole upload");
      connection.send(ok);
    });
    const body = new ScriptedBody();
    const receiver = new RecordingReceiver();
    const transport = transportTo(server.port);
    transport.send(upstreamRequest("POST", upload(total, body)), receiver);
    await waitFor(() => body.sink !== null, "the body to be started");
    const piece = Buffer.alloc(MB, "x");
    let held = 0;
    for (let pushed = 0; pushed < total; pushed += MB) {
      if (body.paused) held++;
      await waitFor(() => !body.paused, "room for more");
      body.push(piece);
    }
    body.end();
    expect(await receiver.outcome()).toBe("complete");
    expect(held).toBeGreaterThan(0);
    transport.retire();
  });
});

describe("an early final answer", () => {
  test("is passed on at once, and the rest of the upload is refused", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("hel");
      connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    });
    const transport = transportTo(server.port);
    const body = new ScriptedBody((source) => source.push("hel"));
    const receiver = await send(transport, "POST", upload(100, body));
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(receiver.head!.status).toBe(413);
    expect(body.cancelled).toBe(true);
    expect(transport.idleCount).toBe(0);
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
  });

  test("with a body that lasts lets the upload go on", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("hel");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
      await connection.receive("lo");
      connection.send("k");
    });
    const transport = transportTo(server.port);
    const body = new ScriptedBody((source) => source.push("hel"));
    const receiver = new RecordingReceiver();
    transport.send(upstreamRequest("POST", upload(5, body)), receiver);
    await waitFor(() => receiver.bodyBytes === 1, "the early head");
    body.push("lo");
    body.end();
    expect(await receiver.outcome()).toBe("complete");
    expect(body.cancelled).toBe(false);
    expect(transport.idleCount).toBe(1);
    transport.retire();
  });

  test("is read although the target closed the connection behind it", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
      connection.end();
    });
    const body = new ScriptedBody((source) => source.push("x".repeat(1_000)));
    const receiver = await send(transportTo(server.port), "POST", upload(1_000_000, body));
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(body.cancelled).toBe(true);
  });

  test("that never comes leaves an upload that the target broke off", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("hel");
      connection.reset();
    });
    const body = new ScriptedBody((source) => source.push("hel"));
    const receiver = await send(transportTo(server.port), "PUT", upload(100, body));
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error!.code).toBe("connection-lost");
    expect(body.cancelled).toBe(true);
    expect(server.connections.length).toBe(1);
  });
});
