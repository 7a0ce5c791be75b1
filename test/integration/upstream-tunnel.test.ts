/** A switch of protocols: who may switch, and the raw bytes behind it in both directions. */
import { describe, expect, test } from "bun:test";
import { Http1Transport } from "../../src/data-plane/upstream/http1/http1-transport.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type RawScript, startRawServer } from "../support/raw-server.ts";
import { RecordingReceiver } from "../support/recording-receiver.ts";
import { ScriptedBody } from "../support/scripted-body.ts";
import { upstreamRequest } from "../support/upstream-request.ts";
import { systemConnector } from "../support/system-connector.ts";
import { waitFor } from "../support/wait-for.ts";
import { pipe } from "../../src/protocols/http/body.ts";

const MB = 1024 * 1024;
const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const upgrade = {
  upgrade: "websocket",
  fields: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
};

async function send(port: number, ...request: Parameters<typeof upstreamRequest>) {
  const transport = new Http1Transport({
    connector: systemConnector,
    host: "127.0.0.1",
    port,
    clock: new ManualClock(),
  });
  const receiver = new RecordingReceiver();
  const call = transport.send(upstreamRequest(...request), receiver);
  await receiver.outcome();
  return { transport, receiver, call };
}

/** A tunnel with a recorder behind it and a scripted client before it. */
async function openTunnel(script: RawScript, first = "") {
  const server = startRawServer(async (connection, index) => {
    await connection.receive("\r\n\r\n");
    connection.send(switching + first);
    await script(connection, index);
  });
  const { receiver, call } = await send(server.port, "GET", upgrade);
  expect(receiver.events).toEqual(["upgrade"]);
  // The call is over: giving it up must not touch the tunnel.
  call.cancel();
  const tunnel = receiver.tunnel!;
  const toClient = new RecordingReceiver();
  const fromClient = new ScriptedBody();
  pipe(fromClient, tunnel.sink);
  pipe(tunnel.source, toClient);
  return { server, tunnel, toClient, fromClient, connection: server.connections[0]! };
}

describe("a 101", () => {
  test("that nobody asked for is an error", async () => {
    using server = startRawServer((connection) => void connection.send(switching));
    const { receiver } = await send(server.port);
    expect(receiver.events).toEqual(["error"]);
    expect(receiver.error!.code).toBe("unexpected-upgrade");
    await waitFor(() => server.connections[0]!.peerEnded, "the connection to be closed");
  });

  for (const answer of [
    switching.replace("WebSocket", "other"),
    switching.replace("Upgrade: WebSocket\r\n", ""),
  ]) {
    test(`that does not name the protocol is an error: ${JSON.stringify(answer)}`, async () => {
      using server = startRawServer(async (connection) => {
        await connection.receive("\r\n\r\n");
        connection.send(answer);
      });
      const { receiver } = await send(server.port, "GET", upgrade);
      expect(receiver.error?.code).toBe("unexpected-upgrade");
    });
  }

  test("that is refused leaves an ordinary response and connection", async () => {
    using server = startRawServer(async (connection) => {
      await connection.receive("\r\n\r\n");
      connection.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
    });
    const { receiver, transport } = await send(server.port, "GET", upgrade);
    expect(receiver.events).toEqual(["head", "end", "complete"]);
    expect(transport.idleCount).toBe(1);
    transport.retire();
  });
});

describe("a tunnel", () => {
  test("delivers the bytes that came behind the 101 first", async () => {
    const { server, tunnel, toClient, connection } = await openTunnel(() => {}, "first");
    using _ = server;
    connection.send(" second");
    await waitFor(() => toClient.body === "first second", "all bytes in order");
    expect(toClient.unflushedBytes).toBe(0);
    tunnel.destroy();
  });

  test("is byte exact both ways", async () => {
    const { server, tunnel, toClient, fromClient, connection } = await openTunnel(async (app) => {
      for (;;) app.send(await app.receiveBytes(1));
    });
    using _ = server;
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    fromClient.push(bytes);
    await waitFor(() => toClient.bodyBytes === 256, "the echo");
    expect(toClient.body).toBe(bytes.toString("latin1"));
    tunnel.destroy();
    await waitFor(() => connection.isClosed, "the connection to be closed");
    expect(toClient.events).toEqual([]);
  });

  test("passes the client's end on and still brings the target's bytes", async () => {
    const { server, toClient, fromClient, connection } = await openTunnel(async (app) => {
      const all = await app.receiveAll();
      app.send(`got ${all.length}`);
      app.end();
    });
    using _ = server;
    fromClient.push("hello");
    fromClient.end();
    await waitFor(() => toClient.events.includes("end"), "the target's end");
    expect(toClient.body).toBe("got 5");
    expect(toClient.events).toEqual(["end"]);
    await connection.closed();
  });

  test("passes the target's end on and still takes the client's bytes", async () => {
    const { server, toClient, fromClient, connection } = await openTunnel((app) => {
      app.send("bye");
      app.end();
    });
    using _ = server;
    await waitFor(() => toClient.events.includes("end"), "the target's end");
    expect(toClient.body).toBe("bye");
    fromClient.push("last words");
    await connection.receive("last words");
    fromClient.end();
    await connection.closed();
    expect(toClient.events).toEqual(["end"]);
    expect(fromClient.cancelled).toBe(false);
  });

  test("sends everything before the client's end, however slowly the target reads", async () => {
    const total = 16 * MB;
    const { server, toClient, fromClient, connection } = await openTunnel(async (app) => {
      app.pause();
      await waitFor(() => fromClient.paused, "the client to be held back");
      app.resume();
      await waitFor(() => app.receivedBytes >= total, "all bytes");
      await app.receiveAll();
      app.end();
    });
    using _ = server;
    const piece = Buffer.alloc(MB, "x");
    for (let pushed = 0; pushed < total; pushed += MB) {
      await waitFor(() => !fromClient.paused, "room for more");
      fromClient.push(piece);
    }
    fromClient.end();
    await waitFor(() => toClient.events.includes("end"), "the target's end");
    await connection.closed();
  });

  test("holds the target back while the client is slow", async () => {
    const total = 16 * MB;
    const { server, tunnel, toClient } = await openTunnel((app) => {
      app.send(Buffer.alloc(total, "x"));
      app.end();
    });
    using _ = server;
    toClient.takesMore = false;
    await waitFor(() => toClient.bodyBytes > 0, "the first bytes");
    tunnel.source.pause();
    const held = toClient.bodyBytes;
    await Bun.sleep(1);
    expect(toClient.bodyBytes).toBe(held);
    toClient.takesMore = true;
    tunnel.source.resume();
    await waitFor(() => toClient.events.includes("end"), "the end");
    expect(toClient.bodyBytes).toBe(total);
    tunnel.destroy();
  });

  test("that the target resets breaks both directions", async () => {
    const { server, toClient, fromClient, connection } = await openTunnel(() => {});
    using _ = server;
    connection.reset();
    await waitFor(() => toClient.events.length > 0, "the break");
    expect(toClient.events).toEqual(["abort"]);
    expect(fromClient.cancelled).toBe(true);
  });

  test("that the client breaks off is reset", async () => {
    const { server, toClient, fromClient, connection } = await openTunnel(() => {});
    using _ = server;
    fromClient.push("half");
    await connection.receive("half");
    fromClient.sink!.abort(new Error("the client left"));
    await connection.closed();
    expect(toClient.events).toEqual(["abort"]);
  });

  test("that breaks before anybody listens tells who comes later", async () => {
    using server = startRawServer(async (app) => {
      await app.receive("\r\n\r\n");
      app.send(switching);
    });
    const { receiver } = await send(server.port, "GET", upgrade);
    receiver.tunnel!.destroy();
    const toClient = new RecordingReceiver();
    pipe(receiver.tunnel!.source, toClient);
    expect(toClient.events).toEqual(["abort"]);
  });
});
