/** Connections to a target: kept, taken again, given up, and the one retry on a stale one. */
import { describe, expect, test } from "bun:test";
import { Http1Transport } from "../../src/data-plane/upstream/http1/http1-transport.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { type RawScript, startAnsweringServer, startRawServer } from "../support/raw-server.ts";
import { RecordingReceiver } from "../support/recording-receiver.ts";
import { ScriptedBody } from "../support/scripted-body.ts";
import { upstreamRequest } from "../support/upstream-request.ts";
import { systemConnector } from "../support/system-connector.ts";
import { waitFor } from "../support/wait-for.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function transportTo(port: number, clock = new ManualClock(), maxIdleConnections = 100) {
  return new Http1Transport({
    connector: systemConnector,
    host: "127.0.0.1",
    port,
    clock,
    maxIdleConnections,
  });
}

async function send(transport: Http1Transport, ...request: Parameters<typeof upstreamRequest>) {
  const receiver = new RecordingReceiver();
  transport.send(upstreamRequest(...request), receiver);
  await receiver.outcome();
  return receiver;
}

/** The first connection answers once and then does `afterwards`; later ones answer always. */
function staleThenGood(afterwards: (connection: RawConnection) => Promise<void>): RawScript {
  return async (connection, index) => {
    await connection.receive("\r\n\r\n");
    connection.send(ok);
    if (index === 0) {
      await afterwards(connection);
      return;
    }
    for (;;) {
      await connection.receive("\r\n\r\n");
      connection.send(ok);
    }
  };
}

/** Dies when the second request has come, before a byte of the answer. */
const dieAtSecondRequest = staleThenGood(async (connection) => {
  await connection.receive("\r\n\r\n");
  connection.reset();
});

describe("keeping connections", () => {
  test("requests one after the other share a connection", async () => {
    using server = startAnsweringServer(ok);
    const transport = transportTo(server.port);
    for (let i = 0; i < 5; i++) {
      const receiver = await send(transport);
      expect(receiver.events).toEqual(["head", "end", "complete"]);
      expect(receiver.body).toBe("ok");
    }
    expect(server.connections.length).toBe(1);
    expect(transport.idleCount).toBe(1);
    transport.retire();
  });

  test("the connection is free for the next request before the sink hears of the end", async () => {
    using server = startAnsweringServer(ok);
    const transport = transportTo(server.port);
    const first = new RecordingReceiver();
    const second = new RecordingReceiver();
    first.onEvent = (event) => {
      if (event === "end") transport.send(upstreamRequest(), second);
    };
    transport.send(upstreamRequest(), first);
    expect(await second.outcome()).toBe("complete");
    expect(server.connections.length).toBe(1);
    transport.retire();
  });

  test("a target that says how long it keeps connections is left before it closes them", async () => {
    using server = startAnsweringServer(ok.replace("OK\r\n", "OK\r\nKeep-Alive: timeout=5\r\n"));
    const clock = new ManualClock();
    const transport = transportTo(server.port, clock);
    await send(transport);
    clock.advance(3_999);
    expect(transport.idleCount).toBe(1);
    await send(transport);
    expect(server.connections.length).toBe(1);
    clock.advance(4_000);
    expect(transport.idleCount).toBe(0);
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
  });

  test("requests at the same time have a connection each", async () => {
    using server = startAnsweringServer(ok);
    const transport = transportTo(server.port);
    const receivers = await Promise.all(Array.from({ length: 8 }, () => send(transport)));
    expect(receivers.every((receiver) => receiver.body === "ok")).toBe(true);
    expect(server.connections.length).toBe(8);
    expect(transport.idleCount).toBe(8);
    transport.retire();
  });

  for (const [name, response] of [
    [
      "that says Connection: close",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    ],
    [
      "with a length beside its chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["with bytes behind it", `${ok}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`],
    ["to which 204 has a body", "HTTP/1.1 204 No Content\r\n\r\nbody"],
  ] as const) {
    test(`a connection is not used again after a response ${name}`, async () => {
      using server = startAnsweringServer(response);
      const transport = transportTo(server.port);
      expect((await send(transport)).events.at(-1)).toBe("complete");
      expect(transport.idleCount).toBe(0);
      await server.connections[0]!.receiveAll();
      expect((await send(transport)).events.at(-1)).toBe("complete");
      expect(server.connections.length).toBe(2);
    });
  }

  test("an HTTP/1.0 connection with keep-alive is used again", async () => {
    using server = startAnsweringServer(
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
    );
    const transport = transportTo(server.port);
    await send(transport);
    await send(transport);
    expect(server.connections.length).toBe(1);
    transport.retire();
  });

  test("HEAD and 304 with a length leave the connection usable", async () => {
    using server = startAnsweringServer("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    const transport = transportTo(server.port);
    expect((await send(transport, "HEAD")).body).toBe("");
    expect((await send(transport, "GET")).body).toBe("");
    expect(server.connections.length).toBe(1);
    transport.retire();
  });

  test("an idle connection that gets a byte nobody asked for is closed", async () => {
    using server = startAnsweringServer(ok);
    const transport = transportTo(server.port);
    await send(transport);
    server.connections[0]!.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    await waitFor(() => transport.idleCount === 0, "the poisoned connection to go");
    expect((await send(transport)).body).toBe("ok");
  });

  test("an idle connection that the target closes or resets is forgotten", async () => {
    using server = startAnsweringServer(ok);
    const transport = transportTo(server.port);
    for (const leave of ["end", "reset"] as const) {
      await send(transport);
      server.connections.at(-1)![leave]();
      await waitFor(() => transport.idleCount === 0, "the closed connection to go");
    }
    expect(server.connections.length).toBe(2);
  });

  test("idle connections are closed after the idle time", async () => {
    using server = startAnsweringServer(ok);
    const clock = new ManualClock();
    const transport = transportTo(server.port, clock);
    await send(transport);
    clock.advance(89_999);
    expect(transport.idleCount).toBe(1);
    clock.advance(1);
    expect(transport.idleCount).toBe(0);
    await server.connections[0]!.receiveAll();
    expect(clock.pendingTimers).toBe(0);
  });

  test("no more idle connections than the maximum stay", async () => {
    using server = startAnsweringServer(ok);
    const clock = new ManualClock();
    const transport = transportTo(server.port, clock, 2);
    await Promise.all(Array.from({ length: 5 }, () => send(transport)));
    clock.advance(1_000);
    expect(transport.idleCount).toBe(2);
    await waitFor(
      () => server.connections.filter((connection) => connection.peerEnded).length === 3,
      "surplus connections to close",
    );
    transport.retire();
  });

  test("a retired target keeps no connection: idle ones go at once, busy ones when they are done", async () => {
    using server = startRawServer(async (connection, index) => {
      await connection.receive("\r\n\r\n");
      if (index === 1) await waitFor(() => transport.idleCount === 0, "the target to be retired");
      connection.send(ok);
    });
    const transport = transportTo(server.port);
    await send(transport);
    const blocker = transport.send(upstreamRequest(), new RecordingReceiver());
    const busy = new RecordingReceiver();
    transport.send(upstreamRequest(), busy);
    await waitFor(() => server.connections.length === 2, "the second connection");
    blocker.cancel();
    transport.retire();
    expect(await busy.outcome()).toBe("complete");
    expect(transport.idleCount).toBe(0);
    for (const connection of server.connections)
      await waitFor(() => connection.peerEnded, "a close");
  });
});

describe("a reused connection that dies before a byte of the answer", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]) {
    test(`is replaced once for ${method}`, async () => {
      using server = startRawServer(dieAtSecondRequest);
      const transport = transportTo(server.port);
      await send(transport);
      const receiver = await send(transport, method);
      expect(receiver.events.at(-1)).toBe("complete");
      expect(server.connections.length).toBe(2);
      transport.retire();
    });
  }

  for (const method of ["POST", "PATCH", "LOCK"]) {
    test(`fails ${method}, which must not be sent twice`, async () => {
      using server = startRawServer(dieAtSecondRequest);
      const transport = transportTo(server.port);
      await send(transport);
      const receiver = await send(transport, method);
      expect(receiver.events).toEqual(["error"]);
      expect(receiver.error!.code).toBe("connection-lost");
      expect(server.connections.length).toBe(1);
    });
  }

  test("is replaced also when the target closes it in good order", async () => {
    using server = startRawServer(
      staleThenGood(async (connection) => {
        await connection.receive("\r\n\r\n");
        connection.close();
      }),
    );
    const transport = transportTo(server.port);
    await send(transport);
    expect((await send(transport)).body).toBe("ok");
    transport.retire();
  });

  test("is replaced with the body from its start when it can be rewound", async () => {
    using server = startRawServer(async (connection, index) => {
      await connection.receive("\r\n\r\n");
      connection.send(ok);
      if (index === 0) {
        await connection.receive("hello");
        connection.reset();
      } else {
        connection.send(await connection.receive("hello"));
      }
    });
    const transport = transportTo(server.port);
    await send(transport);
    let rewinds = 0;
    const receiver = await send(transport, "PUT", {
      framing: { kind: "length", length: 5 },
      body: ScriptedBody.of("hello"),
      rewindBody: () => {
        rewinds++;
        return ScriptedBody.of("hello");
      },
    });
    expect(receiver.events.at(-1)).toBe("complete");
    expect(rewinds).toBe(1);
    expect(server.connections.length).toBe(2);
    transport.retire();
  });

  test("fails the request when its body was started and can't be rewound", async () => {
    using server = startRawServer(dieAtSecondRequest);
    const transport = transportTo(server.port);
    await send(transport);
    const body = new ScriptedBody((source) => source.push("he"));
    const receiver = await send(transport, "PUT", {
      framing: { kind: "length", length: 5 },
      body,
    });
    expect(receiver.error!.code).toBe("connection-lost");
    expect(body.cancelled).toBe(true);
    expect(server.connections.length).toBe(1);
  });

  test("is replaced for POST when not a byte could be written", async () => {
    using server = startRawServer(staleThenGood(async () => {}));
    const transport = transportTo(server.port);
    await send(transport);
    const busy = server.connections[0]!;
    // The reset is in the kernel before the transport's event loop can report it.
    busy.reset();
    const receiver = new RecordingReceiver();
    transport.send(upstreamRequest("POST"), receiver);
    expect(await receiver.outcome()).toBe("complete");
    expect(server.connections.length).toBe(2);
    transport.retire();
  });

  test("is not replaced a second time", async () => {
    using server = startRawServer(async (connection, index) => {
      await connection.receive("\r\n\r\n");
      if (index === 0) {
        connection.send(ok);
        await connection.receive("\r\n\r\n");
      }
      connection.reset();
    });
    const transport = transportTo(server.port);
    await send(transport);
    expect((await send(transport)).error!.code).toBe("connection-lost");
    expect(server.connections.length).toBe(2);
  });
});

test("a new connection that breaks is not retried", async () => {
  for (const leave of ["close", "reset"] as const) {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection[leave]();
    });
    const receiver = await send(transportTo(server.port));
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error!.code).toBe("connection-lost");
    expect(server.connections.length).toBe(1);
  }
});

test("a reused connection that dies in the middle of the head is not retried", async () => {
  using server = startRawServer(
    staleThenGood(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 20");
      connection.close();
    }),
  );
  const transport = transportTo(server.port);
  await send(transport);
  expect((await send(transport)).error!.code).toBe("connection-lost");
  expect(server.connections.length).toBe(1);
});
