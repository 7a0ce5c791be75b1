import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { SocketCopy, hasMoreToRead } from "../../../src/net/socket-copy.ts";
import { connectRaw, type RawConnection } from "../../support/raw-connection.ts";
import { startRawServer } from "../../support/raw-server.ts";
import { waitFor } from "../../support/wait-for.ts";

const fdOf = (connection: RawConnection): number =>
  (connection.socket as unknown as { fd: number }).fd;

/** Two connections, from one end to the other: `feed` → `from`, `to` → `reader`. */
async function twoConnections() {
  const accepted: RawConnection[] = [];
  const server = startRawServer(async (connection) => {
    connection.pause();
    accepted.push(connection);
  });
  const feed = await connectRaw(server.port);
  await waitFor(() => accepted.length === 1, "the first connection");
  const reader = await connectRaw(server.port);
  await waitFor(() => accepted.length === 2, "the second connection");
  const [from, to] = accepted as [RawConnection, RawConnection];
  return {
    feed,
    from: fdOf(from),
    to: fdOf(to),
    reader,
    [Symbol.dispose]: () => server[Symbol.dispose](),
  };
}

/** Moves until so many bytes have left, or the receiver takes no more. */
async function moveAll(copy: SocketCopy, from: number, to: number, bytes: number): Promise<number> {
  let moved = 0;
  await waitFor(() => {
    while (moved < bytes) {
      const count = copy.move(from, to, bytes - moved);
      if (count === 0) return false;
      moved += count;
      if (copy.undelivered !== null) return true;
    }
    return true;
  }, "the bytes to be moved");
  return moved;
}

describe.skipIf(process.platform !== "linux")("SocketCopy", () => {
  const copy = SocketCopy.open()!;

  test("moves bytes from socket to socket, and no more than it is told", async () => {
    using connections = await twoConnections();
    const { feed, from, to, reader } = connections;
    const sent = randomBytes(100_000);
    feed.send(sent);
    expect(await moveAll(copy, from, to, 99_999)).toBe(99_999);
    expect(copy.undelivered).toBeNull();
    expect((await reader.receiveBytes(99_999)).equals(sent.subarray(0, 99_999))).toBe(true);
    expect(reader.unread).toBe("");
  });

  test("moves nothing when there is nothing, when the peer has ended, or a descriptor is none", async () => {
    using connections = await twoConnections();
    const { feed, from, to, reader } = connections;
    expect(copy.move(from, to, 1_000)).toBe(0);
    feed.end();
    expect(copy.move(from, to, 1_000)).toBe(0);
    expect(copy.move(-1, to, 1_000)).toBe(0);
    reader.close();
  });

  test("gives back what the receiver does not take, and keeps none of it", async () => {
    using connections = await twoConnections();
    const { feed, from, to, reader } = connections;
    reader.pause();
    const sent = randomBytes(40 * 1024 * 1024);
    feed.send(sent);
    const moved = await moveAll(copy, from, to, sent.length);
    const rest = copy.undelivered!;
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.equals(sent.subarray(moved - rest.length, moved))).toBe(true);
    reader.resume();
    const delivered = await reader.receiveBytes(moved - rest.length);
    expect(delivered.equals(sent.subarray(0, moved - rest.length))).toBe(true);
    // Nothing was kept back: the next bytes are those that come next.
    const next = await moveAll(copy, from, to, 1_000);
    expect((await reader.receiveBytes(next)).equals(sent.subarray(moved, moved + next))).toBe(true);
  });

  test("knows whether there is more to read: bytes, or the end", async () => {
    using connections = await twoConnections();
    const { feed, from, to, reader } = connections;
    expect(hasMoreToRead(from)).toBe(false);
    feed.send("x");
    await waitFor(() => hasMoreToRead(from), "the byte");
    // It was only looked at.
    expect(hasMoreToRead(from)).toBe(true);
    expect(hasMoreToRead(to)).toBe(false);
    reader.end();
    await waitFor(() => hasMoreToRead(to), "the end");
  });
});
