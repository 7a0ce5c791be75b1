import { describe, expect, test } from "bun:test";
import { upstreamConnectTimeoutMs } from "../../../../../src/config/limits.ts";
import { Fields } from "../../../../../src/protocols/http/fields.ts";
import { Http1Transport } from "../../../../../src/data-plane/upstream/http1/http1-transport.ts";
import type { UpstreamCall } from "../../../../../src/data-plane/upstream/upstream-request.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingReceiver } from "../../../../support/recording-receiver.ts";
import { ScriptedBody } from "../../../../support/scripted-body.ts";
import { ScriptedConnector, type ScriptedSocket } from "../../../../support/scripted-connector.ts";
import { upstreamRequest } from "../../../../support/upstream-request.ts";

const get = "GET / HTTP/1.1\r\nHost: app\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

interface Sent {
  receiver: RecordingReceiver;
  call: UpstreamCall;
}

function setUp() {
  const clock = new ManualClock();
  const connector = new ScriptedConnector();
  const transport = new Http1Transport({ host: "app", port: 3000, clock, connector });
  const send = (...request: Parameters<typeof upstreamRequest>): Sent => {
    const receiver = new RecordingReceiver();
    return { receiver, call: transport.send(upstreamRequest(...request), receiver) };
  };
  /** Sends over a connection that opens at once, and waits until the request was written. */
  const sendOpen = async (...request: Parameters<typeof upstreamRequest>): Promise<Sent> => {
    connector.opensAtOnce = true;
    const sent = send(...request);
    await settled();
    return sent;
  };
  /** One exchange, after which the connection is idle. */
  const used = async (answer = ok): Promise<ScriptedSocket> => {
    await sendOpen();
    const { socket } = connector;
    socket.receive(answer);
    socket.sent = "";
    return socket;
  };
  return { clock, connector, transport, send, sendOpen, used };
}

/** Everything that follows without a timer has happened. */
function settled(): Promise<void> {
  // What is written leaves at the end of a turn.
  return new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));
}

function upload(body: ScriptedBody, length: number): Parameters<typeof upstreamRequest>[1] {
  return { framing: { kind: "length", length }, body };
}

describe("a connection", () => {
  test("is made to the host and port, and kept for the next request", async () => {
    const { connector, transport, sendOpen } = setUp();
    const first = await sendOpen();
    expect(connector.attempts[0]!.to).toEqual({ host: "app", port: 3000, secure: false });
    const { socket } = connector;
    expect(socket.sent).toBe(get);
    socket.receive(ok);
    expect([first.receiver.events, first.receiver.body]).toEqual([
      ["head", "end", "complete"],
      "ok",
    ]);
    expect(transport.idleCount).toBe(1);
    const second = await sendOpen();
    expect([connector.attempts.length, socket.sent]).toEqual([1, get + get]);
    socket.receive(ok);
    expect(second.receiver.events.at(-1)).toBe("complete");
  });

  test("is not shared by requests at the same time", async () => {
    const { connector, sendOpen, transport } = setUp();
    await sendOpen();
    await sendOpen();
    expect(connector.attempts.length).toBe(2);
    for (const { socket } of connector.attempts) socket!.receive(ok);
    expect(transport.idleCount).toBe(2);
    transport.retire();
    expect(connector.attempts.map(({ socket }) => socket!.closed)).toEqual(["end", "end"]);
  });

  test.each([
    ["ends with the answer", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["has more to say", `${ok}HTTP/1.1 200 OK\r\n`],
    [
      "contradicts itself",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
  ])("that %s is not used again", async (_, answer) => {
    const { transport, used } = setUp();
    const socket = await used(answer);
    expect([transport.idleCount, socket.closed]).toEqual([0, "end"]);
  });

  test("that its target closes or breaks while it is idle is forgotten", async () => {
    for (const leave of ["peerEnds", "breaks"] as const) {
      const { connector, transport, used, sendOpen } = setUp();
      const socket = await used();
      socket[leave]();
      expect(transport.idleCount).toBe(0);
      await sendOpen();
      expect(connector.attempts.length).toBe(2);
    }
  });

  test("on which something comes that nobody asked for is closed", async () => {
    const { transport, used } = setUp();
    const socket = await used();
    socket.receive(ok);
    expect([transport.idleCount, socket.closed]).toEqual([0, "end"]);
  });

  test("is left before its target closes it", async () => {
    const { clock, transport, used } = setUp();
    const socket = await used(ok.replace("OK\r\n", "OK\r\nKeep-Alive: timeout=5\r\n"));
    clock.advance(3_999);
    expect([transport.idleCount, socket.closed]).toEqual([1, null]);
    clock.advance(1);
    expect([transport.idleCount, socket.closed]).toEqual([0, "end"]);
  });
});

describe("a connection that can't be made", () => {
  test.each([
    ["ECONNREFUSED", "app:3000: connect: connection refused"],
    ["EHOSTUNREACH", "app:3000: connect: no route to host"],
    ["ENETUNREACH", "app:3000: connect: network unreachable"],
    ["ETIMEDOUT", "app:3000: connect: connection timed out"],
    ["ECONNRESET", "app:3000: connect: connection reset"],
    ["EACCES", "app:3000: connect: permission denied"],
    ["EPERM", "app:3000: connect: operation not permitted"],
    ["EINVAL", "app:3000: connect: invalid argument"],
    ["EADDRNOTAVAIL", "app:3000: connect: no free local port"],
  ])("fails the request and says why: %s", (code, message) => {
    const { connector, send } = setUp();
    const { receiver } = send();
    connector.attempts[0]!.fail(code);
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error).toMatchObject({ code: "connect-failed", message });
  });

  test.each([
    [0, upstreamConnectTimeoutMs],
    [60_000, upstreamConnectTimeoutMs],
    [500, 500],
  ])("with a response time-out of %d ms is given up after %d", (responseTimeoutMs, afterMs) => {
    const { clock, connector, send } = setUp();
    const { receiver } = send("GET", { responseTimeoutMs });
    clock.advance(afterMs - 1);
    expect(receiver.events).toEqual([]);
    clock.advance(1);
    expect(receiver.error!.code).toBe("connect-timeout");
    expect([connector.attempts.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  test("is given up with its request", () => {
    const { connector, clock, send } = setUp();
    const { receiver, call } = send();
    call.cancel();
    expect(connector.attempts[0]!.cancelled).toBeTrue();
    connector.attempts[0]!.open();
    clock.advance(upstreamConnectTimeoutMs);
    expect([receiver.events, clock.pendingTimers]).toEqual([[], 0]);
  });

  test("leaves the body of the request alone", () => {
    const { connector, send } = setUp();
    const body = ScriptedBody.of("hello");
    send("POST", upload(body, 5));
    connector.attempts[0]!.fail("ECONNREFUSED");
    expect([body.sink, body.cancelled]).toEqual([null, false]);
  });
});

describe("a connection that breaks", () => {
  test.each(["peerEnds", "breaks"] as const)(
    "and was used before is replaced once: %s",
    async (leave) => {
      const { connector, used, sendOpen } = setUp();
      const socket = await used();
      const { receiver } = await sendOpen();
      socket[leave]();
      await settled();
      expect([connector.attempts.length, connector.socket.sent]).toEqual([2, get]);
      connector.socket[leave]();
      expect(receiver.events).toEqual(["error"]);
      expect(receiver.error!.code).toBe("connection-lost");
      expect(connector.attempts.length).toBe(2);
    },
  );

  test("and is new fails the request with its reason", async () => {
    const { connector, sendOpen } = setUp();
    const { receiver } = await sendOpen();
    connector.socket.breaks("ETIMEDOUT");
    expect(receiver.error).toMatchObject({
      code: "connection-lost",
      message: "app:3000: connection lost before the response was complete: connection timed out",
    });
  });

  test("is replaced for POST when it breaks in the turn in which the request was written", async () => {
    const { connector, used, send } = setUp();
    const socket = await used();
    const { receiver } = send("POST");
    socket.breaks();
    await settled();
    expect([socket.sent, connector.attempts.length, receiver.events]).toEqual(["", 2, []]);
    expect(connector.socket.sent).toStartWith("POST / HTTP/1.1\r\n");
  });

  test("is replaced for POST only when not a byte was taken", async () => {
    for (const [room, attempts] of [
      [-1, 2],
      [10, 1],
      [Infinity, 1],
    ] as const) {
      const { connector, used, sendOpen } = setUp();
      const socket = await used();
      socket.room = room;
      const { receiver } = await sendOpen("POST");
      socket.breaks();
      await settled();
      expect(connector.attempts.length).toBe(attempts);
      expect(receiver.events).toEqual(attempts === 2 ? [] : ["error"]);
    }
  });

  test("is not replaced behind the first byte of the answer", async () => {
    const { connector, used, sendOpen } = setUp();
    const socket = await used();
    const { receiver } = await sendOpen();
    socket.receive("H");
    socket.breaks();
    expect(receiver.error!.code).toBe("connection-lost");
    expect(connector.attempts.length).toBe(1);
  });

  test("is replaced with the body from its start, or not at all", async () => {
    for (const rewinds of [true, false]) {
      const { connector, used, sendOpen } = setUp();
      const socket = await used();
      const rewindBody = rewinds ? () => ScriptedBody.of("hello") : null;
      const { receiver } = await sendOpen("PUT", {
        ...upload(new ScriptedBody((body) => body.push("he")), 5),
        rewindBody,
      });
      socket.breaks();
      await settled();
      if (rewinds) expect(connector.socket.sent.slice(-5)).toBe("hello");
      else expect(receiver.error!.code).toBe("connection-lost");
      expect(connector.attempts.length).toBe(rewinds ? 2 : 1);
    }
  });
});

describe("an answer before the end of the request", () => {
  test("is passed on, the rest of the body refused, the connection closed", async () => {
    const { connector, transport, sendOpen } = setUp();
    const body = new ScriptedBody((source) => source.push("he"));
    const { receiver } = await sendOpen("POST", upload(body, 5));
    const { socket } = connector;
    socket.receive(ok);
    expect([receiver.body, receiver.events.at(-1)]).toEqual(["ok", "complete"]);
    expect([body.cancelled, socket.closed, transport.idleCount]).toEqual([true, "end", 0]);
  });

  test("whose body lasts lets the request go on to its end, and the connection too", async () => {
    const { connector, transport, sendOpen } = setUp();
    const body = new ScriptedBody((source) => source.push("he"));
    const { receiver } = await sendOpen("POST", upload(body, 5));
    const { socket } = connector;
    socket.receive(ok.slice(0, -1));
    body.push("llo");
    body.end();
    await settled();
    expect(socket.sent.slice(-5)).toBe("hello");
    socket.receive("k");
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(transport.idleCount).toBe(1);
  });

  test("does not start the target's time", async () => {
    const { clock, connector, sendOpen } = setUp();
    const body = new ScriptedBody((source) => source.push("he"));
    const { receiver } = await sendOpen("POST", { ...upload(body, 5), responseTimeoutMs: 100 });
    clock.advance(1_000);
    expect(receiver.events).toEqual([]);
    connector.socket.receive(ok.slice(0, -1));
    body.push("llo");
    body.end();
    clock.advance(1_000);
    expect(receiver.events).toEqual(["head"]);
  });
});

describe("the target's time", () => {
  test("begins when the kernel has taken the whole request, and ends with the head", async () => {
    const { clock, connector, sendOpen, used } = setUp();
    const socket = await used();
    socket.room = 10;
    const { receiver } = await sendOpen("GET", { responseTimeoutMs: 100 });
    clock.advance(1_000);
    expect(receiver.events).toEqual([]);
    socket.drain();
    expect(socket.sent).toBe(get);
    clock.advance(99);
    // Neither an interim answer nor a piece of a head is the head.
    socket.receive("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n");
    expect(receiver.events).toEqual(["1xx"]);
    clock.advance(1);
    expect(receiver.error).toMatchObject({
      code: "response-timeout",
      message: "app:3000: no response within 100 ms",
    });
    expect([socket.closed, connector.attempts.length]).toEqual(["terminate", 1]);
  });

  test("does not count the body of the answer", async () => {
    const { clock, connector, sendOpen } = setUp();
    const { receiver } = await sendOpen("GET", { responseTimeoutMs: 100 });
    clock.advance(99);
    connector.socket.receive(ok.slice(0, -1));
    clock.advance(60_000);
    connector.socket.receive("k");
    expect(receiver.events.at(-1)).toBe("complete");
  });
});

describe("an answer that can't be trusted", () => {
  test.each([
    ["malformed status line in line 1", "SSH-2.0-x\r\n"],
    ["bare LF in line 2", "HTTP/1.1 200 OK\r\nA: b\n"],
    ["invalid field name in line 2", "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n"],
    ["invalid Content-Length in line 2", "HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n"],
  ])("fails with %s, and its connection breaks", async (reason, answer) => {
    const { connector, sendOpen } = setUp();
    const { receiver } = await sendOpen();
    connector.socket.receive(answer);
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error).toMatchObject({
      code: "malformed-response",
      message: `app:3000: malformed response: ${reason}`,
    });
    expect(connector.socket.closed).toBe("terminate");
  });

  test("behind its head is aborted", async () => {
    const { connector, sendOpen } = setUp();
    const { receiver } = await sendOpen();
    connector.socket.receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx");
    expect(receiver.events).toEqual(["head", "abort", "error"]);
  });

  test("that ends too early is aborted, one without a length is complete", async () => {
    const { connector, sendOpen } = setUp();
    const short = await sendOpen();
    connector.socket.receive(ok.slice(0, -1));
    connector.socket.peerEnds();
    expect(short.receiver.events).toEqual(["head", "abort", "error"]);
    const open = await sendOpen();
    connector.socket.receive("HTTP/1.1 200 OK\r\n\r\nsome");
    connector.socket.peerEnds();
    expect([open.receiver.events, open.receiver.body]).toEqual([
      ["head", "end", "complete"],
      "some",
    ]);
  });
});

describe("the head of a request", () => {
  test("has what was received and not dropped, what was added, and its framing", async () => {
    const { connector, sendOpen } = setUp();
    await sendOpen("POST", {
      head: {
        method: "POST",
        authority: "app.example.com",
        target: "/path?query",
        received: Fields.of(["Accept", "*/*"], ["Connection", "close"], ["X-A", "1"]),
        dropped: new Set(["connection"]),
        added: ["X-Request-Id", "id", "X-Odd", "a\r\nb"],
      },
      framing: { kind: "chunked" },
      body: ScriptedBody.of("hello"),
    });
    expect(connector.socket.sent).toBe(
      "POST /path?query HTTP/1.1\r\nHost: app.example.com\r\nAccept: */*\r\nX-A: 1\r\n" +
        "X-Request-Id: id\r\nX-Odd: a  b\r\nTransfer-Encoding: chunked\r\n\r\n" +
        "5\r\nhello\r\n0\r\n\r\n",
    );
  });

  test("asks for another protocol, which then has the connection to itself", async () => {
    const { connector, transport, sendOpen } = setUp();
    const { receiver } = await sendOpen("GET", { upgrade: "websocket" });
    const { socket } = connector;
    expect(socket.sent).toBe(
      "GET / HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    socket.receive("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
    expect(receiver.events).toEqual(["upgrade"]);
    expect([socket.paused, transport.idleCount]).toEqual([true, 0]);
  });
});
