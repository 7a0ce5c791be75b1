import { describe, expect, test } from "bun:test";
import { clientLimits, type ClientLimits } from "../../../../../src/config/defaults.ts";
import { connectionSweepIntervalMs } from "../../../../../src/config/limits.ts";
import type { BodySink } from "../../../../../src/protocols/http/body.ts";
import { Fields } from "../../../../../src/protocols/http/fields.ts";
import type { ClientSocket } from "../../../../../src/data-plane/listeners/accept/client-connection.ts";
import { ConnectionSet } from "../../../../../src/data-plane/listeners/accept/connection-set.ts";
import { Http1Connection } from "../../../../../src/data-plane/listeners/http1/http1-connection.ts";
import type { Exchange } from "../../../../../src/protocols/http/exchange.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { waitFor } from "../../../../support/wait-for.ts";

/** A client's socket: takes as many bytes as there is room for. */
class FakeSocket implements ClientSocket {
  room = Number.POSITIVE_INFINITY;
  received = "";
  writes = 0;
  paused = false;
  closed = false;

  write(data: Uint8Array, byteOffset = 0, byteLength = data.length): number {
    const taken = Math.min(this.room, byteLength);
    this.writes++;
    this.received += Buffer.from(data.slice(byteOffset, byteOffset + taken)).toString("latin1");
    this.room -= taken;
    return taken;
  }
  finSent = false;
  shutdown(): void {
    this.finSent = true;
  }
  end(): void {
    this.closed = true;
  }
  terminate(): void {
    this.closed = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

const limits: ClientLimits = { ...clientLimits, stallTimeoutMs: 300_000, idleTimeoutMs: 180_000 };

function setUp(handle?: (exchange: Exchange) => void) {
  const clock = new ManualClock();
  const connections = new ConnectionSet(clock, connectionSweepIntervalMs);
  const exchanges: Exchange[] = [];
  const socket = new FakeSocket();
  const connection = new Http1Connection(
    socket,
    {
      scheme: "http",
      altSvc: null,
      showsErrorCodes: true,
      limits,
      connections,
      handle: handle ?? ((exchange) => exchanges.push(exchange)),
      wallMs: () => clock.wallMs(),
      acceptHttp2: null,
    },
    { address: "127.0.0.1", port: 50_000 },
  );
  const send = (text: string): void => connection.onData(Buffer.from(text, "latin1"));
  /** The client reads: the kernel takes as many more bytes. */
  const drain = (bytes: number): void => {
    socket.room = bytes;
    connection.onDrain();
  };
  return { clock, connections, connection, exchanges, socket, send, drain };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

function begin(exchange: Exchange, length: number): BodySink {
  const fields = Fields.of(["Content-Length", String(length)]);
  return exchange.sendHead(200, "OK", fields, { kind: "length", length });
}

function answer(exchange: Exchange, body: string): void {
  exchange.respond(200, new Fields(), Buffer.from(body));
}

/** Does not wait for the client: its socket takes no byte of the body. */
function answerBlocked(exchange: Exchange, socket: FakeSocket, length = 100_000): void {
  const sink = begin(exchange, length);
  sink.flush();
  socket.room = 0;
  sink.write(Buffer.alloc(length, "x"));
  sink.end(null);
}

describe("Http1Connection, with an answer on its way to a slow client", () => {
  test("sends it whole when the client has ended its side behind pipelined requests", () => {
    const { connection, exchanges, socket, send, drain } = setUp();
    send(get("/1") + get("/2"));
    connection.onEnd();
    answerBlocked(exchanges[0]!, socket);
    expect(socket.closed).toBe(false);
    drain(Number.POSITIVE_INFINITY);
    answer(exchanges[1]!, "second");
    expect(socket.received).toContain("x".repeat(100_000));
    expect(socket.received).toEndWith("\r\n\r\nsecond");
    expect(socket.closed).toBe(true);
  });

  test("sends it whole when the listener stops", async () => {
    const { connections, exchanges, socket, send, drain } = setUp();
    send(get("/"));
    answerBlocked(exchanges[0]!, socket);
    const finished = connections.finishAll();
    expect(socket.closed).toBe(false);
    drain(Number.POSITIVE_INFINITY);
    expect(socket.received).toEndWith("x".repeat(100_000));
    expect(socket.closed).toBe(true);
    await finished;
  });

  test("counts as stalled, not as idle", () => {
    const { clock, exchanges, socket, send, drain } = setUp();
    send(get("/"));
    answerBlocked(exchanges[0]!, socket);
    clock.advance(limits.stallTimeoutMs - 1_000);
    expect(socket.closed).toBe(false);
    drain(Number.POSITIVE_INFINITY);
    clock.advance(limits.idleTimeoutMs - 1_000);
    expect(socket.closed).toBe(false);
    clock.advance(2_000);
    expect(socket.closed).toBe(true);
  });

  for (const when of ["while it comes", "when all of it has come"]) {
    test(`takes every byte that the client reads for progress, ${when}`, () => {
      const { clock, exchanges, socket, send, drain } = setUp();
      send(get("/"));
      const sink = begin(exchanges[0]!, 100_000);
      sink.flush();
      socket.room = 0;
      expect(sink.write(Buffer.alloc(100_000, "x"))).toBe(false);
      if (when === "when all of it has come") sink.end(null);
      for (let i = 0; i < 10; i++) {
        clock.advance(limits.stallTimeoutMs - 1_000);
        drain(1);
      }
      expect(socket.closed).toBe(false);
      clock.advance(limits.stallTimeoutMs + 1_000);
      expect(socket.closed).toBe(true);
    });
  }

  test("gives the client its time from when it is waited for, not from its last byte", () => {
    const { clock, exchanges, socket, send } = setUp();
    send(get("/report"));
    clock.advance(2 * limits.stallTimeoutMs);
    const sink = begin(exchanges[0]!, 100_000);
    sink.flush();
    socket.room = 0;
    sink.write(Buffer.alloc(100_000, "x"));
    clock.advance(limits.stallTimeoutMs - 1_000);
    expect(socket.closed).toBe(false);
    clock.advance(2_000);
    expect(socket.closed).toBe(true);
  });
});

describe("Http1Connection, with a request body", () => {
  test("gives the client its time from when the body is asked for", () => {
    const { clock, exchanges, socket, send } = setUp();
    send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    clock.advance(2 * limits.stallTimeoutMs);
    exchanges[0]!.request.body!.start(new Held());
    clock.advance(limits.stallTimeoutMs - 1_000);
    expect(socket.closed).toBe(false);
    clock.advance(2_000);
    expect(socket.closed).toBe(true);
  });

  for (const [framing, head, body] of [
    ["length", "Content-Length: 5", "hello"],
    ["chunked", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"],
  ] as const) {
    test(`reads on when its last bytes were held back, to see the client leave (${framing})`, () => {
      const { connection, exchanges, socket, send } = setUp();
      send(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
      const exchange = exchanges[0]!;
      let left = false;
      exchange.onAbort = (): void => void (left = true);
      const sink = new Held();
      exchange.request.body!.start(sink);
      send(body);
      expect(sink.ended).toBe(true);
      expect(socket.paused).toBe(false);
      connection.onEnd();
      expect(left).toBe(true);
    });
  }
});

describe("Http1Connection, when the client has ended its side behind pipelined requests", () => {
  for (const [what, rest] of [
    ["nothing", ""],
    ["a part", "abc"],
  ]) {
    test(`gives the last one up when ${what} of its body has come`, () => {
      const { connection, exchanges, socket, send, drain } = setUp();
      send(`${get("/1")}POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n${rest}`);
      connection.onEnd();
      answerBlocked(exchanges[0]!, socket);
      // The answer before it is on its way all the same.
      expect(socket.closed).toBe(false);
      drain(Number.POSITIVE_INFINITY);
      const last = exchanges[1]!;
      let left = last.aborted;
      last.onAbort = (): void => void (left = true);
      if (!left) last.request.body!.start(new Held());
      expect(left).toBe(true);
      expect(socket.received).toEndWith("x".repeat(100_000));
      expect(socket.closed).toBe(true);
    });
  }
});

describe("Http1Connection, with an answer before a body that was asked for came", () => {
  const post = (length: number): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;

  test("closes: what follows could be the body or the next request", () => {
    const { exchanges, socket, send } = setUp();
    send(post(5));
    exchanges[0]!.request.body!.start(new Counting());
    expect(socket.received).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    answer(exchanges[0]!, "no");
    expect(socket.received).toContain("\r\nConnection: close\r\n");
    expect(socket.finSent).toBe(true);
    send(get("/next"));
    expect(exchanges.length).toBe(1);
  });

  test("stays open when the body had begun to come", () => {
    const { exchanges, socket, send } = setUp();
    send(post(5));
    exchanges[0]!.request.body!.start(new Counting());
    send("he");
    answer(exchanges[0]!, "no");
    expect(socket.received).not.toContain("Connection: close");
    send(`llo${get("/next")}`);
    expect(exchanges.length).toBe(2);
  });
});

describe("Http1Connection, behind the answer to a head that was refused", () => {
  test("throws 256 KB away, so that the client can read it, and no more", () => {
    const { connection, socket, send } = setUp();
    send("nonsense\r\n\r\n");
    expect(socket.received).toStartWith("HTTP/1.1 400 ");
    expect(socket.finSent).toBe(true);
    connection.onData(Buffer.alloc(256 * 1024));
    expect(socket.closed).toBe(false);
    send("x");
    expect(socket.closed).toBe(true);
  });

  test("reads on behind an upload that was answered", () => {
    const { connection, exchanges, socket, send } = setUp();
    send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    answer(exchanges[0]!, "no");
    for (let i = 0; i < 40; i++) connection.onData(Buffer.alloc(512 * 1024));
    expect(socket.closed).toBe(false);
  });
});

describe("Http1Connection, with a head that can never be one", () => {
  test.each([
    ["a bare LF in place of its end", "GET / HTTP/1.1\r\nHost: x\r\n\n", "400"],
    ["a bare LF behind a field", "GET / HTTP/1.1\r\nHost: x\n", "400"],
    ["a bare CR in place of its end", "GET / HTTP/1.1\r\nHost: x\r\n\rZ", "400"],
    ["a bare CR in a field", "GET / HTTP/1.1\r\nHost: x\rX-A: b", "400"],
    ["more lines than fields are allowed", `GET / HTTP/1.1\r\n${"a:\r\n".repeat(3_000)}`, "431"],
    [
      "a Connection field of 140,000 names",
      `${get("/").slice(0, -2)}Connection: ${"a,".repeat(140_000)}\r\n\r\n`,
      "431",
    ],
  ])("refuses %s at once, however it is cut", (_, head, status) => {
    const whole = setUp();
    whole.send(head);
    expect(whole.socket.received).toStartWith(`HTTP/1.1 ${status} `);
    expect(whole.socket.received).toContain("Connection: close\r\n");
    const cut = setUp();
    const parts = head.length > 1_000 ? (head.match(/[^]{1,997}/g) ?? []) : head;
    for (const part of parts) cut.send(part);
    expect(cut.socket.received).toBe(whole.socket.received);
    expect([...whole.exchanges, ...cut.exchanges]).toEqual([]);
  });

  test("waits for a LF that may still come", () => {
    const { exchanges, socket, send } = setUp();
    for (const byte of get("/").slice(0, -1)) send(byte);
    expect(socket.received).toBe("");
    send("\n");
    expect(exchanges.length).toBe(1);
  });
});

describe("Http1Connection, with more in one read than a turn may take", () => {
  const count = 20_000;

  test("answers some, and the others in later turns, though the client has ended its side", async () => {
    let answered = 0;
    const { connection, socket, send } = setUp((exchange) => {
      answered++;
      answer(exchange, "");
    });
    send(get("/").repeat(count));
    expect(socket.paused).toBe(true);
    const atOnce = answered;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(count / 2);
    connection.onEnd();
    await waitFor(() => socket.closed, "all requests to be answered");
    expect(socket.received.split("HTTP/1.1 200 ").length - 1).toBe(count);
    // Answers leave together, not one by one.
    expect(socket.writes).toBeLessThan(count / 10);
  });

  test("hands on some chunks of an upload, and the others in later turns", async () => {
    const { exchanges, socket, send } = setUp();
    send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const sink = new Counting();
    exchanges[0]!.request.body!.start(sink);
    send(`${"1\r\na\r\n".repeat(count)}0\r\n\r\n`);
    expect(socket.paused).toBe(true);
    expect(sink.bytes).toBeGreaterThan(0);
    expect(sink.bytes).toBeLessThan(count);
    await waitFor(() => sink.ended, "the whole upload to be handed on");
    expect(sink.bytes).toBe(count);
    expect(sink.flushes).toBeLessThan(count / 10);
    expect(socket.paused).toBe(false);
  });
});

class Counting implements BodySink {
  bytes = 0;
  flushes = 0;
  ended = false;

  attach(): void {}
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return true;
  }
  flush(): void {
    this.flushes++;
  }
  end(): void {
    this.ended = true;
  }
  abort(): void {}
}

/** Takes what comes, but always asks to be waited for. */
class Held implements BodySink {
  ended = false;

  attach(): void {}
  write(): boolean {
    return false;
  }
  flush(): void {}
  end(): void {
    this.ended = true;
  }
  abort(): void {}
}
