import { describe, expect, test } from "bun:test";
import { SocketWriter } from "../../../src/net/socket-writer.ts";
import type { WritableSocket } from "../../../src/net/unsent-bytes.ts";

/** Takes what it is allowed to, and remembers how it came. */
class TestSocket implements WritableSocket {
  readonly fd = -1;
  readonly writes: number[] = [];
  readonly #taken: Buffer[] = [];
  room = Number.POSITIVE_INFINITY;

  write(data: Uint8Array, byteOffset = 0, byteLength = data.length - byteOffset): number {
    const count = Math.min(byteLength, this.room);
    this.room -= count;
    this.writes.push(count);
    this.#taken.push(Buffer.from(data.subarray(byteOffset, byteOffset + count)));
    return count;
  }

  get taken(): Buffer {
    return Buffer.concat(this.#taken);
  }
}

const packet = 64 * 1024;
const head = "HTTP/1.1 200 OK\r\n\r\n";
const body = Buffer.from(Array.from({ length: 3 * packet }, (_, index) => index % 251));
const message = Buffer.concat([Buffer.from(head), body]);

describe("SocketWriter", () => {
  test("sends what was collected before a small write together with it", () => {
    const socket = new TestSocket();
    const writer = new SocketWriter(socket, true);
    writer.writeText(head);
    writer.write(body.subarray(0, 1_000));
    expect(socket.writes).toEqual([]);
    writer.flush();
    expect(socket.writes).toEqual([head.length + 1_000]);
  });

  test("sends large bytes over a plain socket in full packets, the first one with the head", () => {
    const socket = new TestSocket();
    const writer = new SocketWriter(socket, true);
    writer.writeText(head);
    writer.write(body);
    expect(socket.writes).toEqual([packet, packet, packet, head.length]);
    expect(socket.taken.equals(message)).toBe(true);
    expect(writer.takenBytes).toBe(message.length);
  });

  test("sends large bytes to be encrypted in one piece", () => {
    const socket = new TestSocket();
    const writer = new SocketWriter(socket);
    writer.writeText(head);
    writer.write(body);
    expect(socket.writes).toEqual([head.length, body.length]);
  });

  test.each([0, 1, head.length, packet - 1, packet, packet + 1, 2 * packet, 3 * packet])(
    "keeps what is left when the socket takes %d bytes, and its order",
    (room) => {
      const socket = new TestSocket();
      const writer = new SocketWriter(socket, true);
      socket.room = room;
      writer.writeText(head);
      writer.write(body);
      writer.writeText(head);
      writer.flush();
      expect(writer.blocked).toBe(true);
      expect(writer.takenBytes).toBe(room);
      expect(writer.position).toBe(message.length + head.length);
      socket.room = Number.POSITIVE_INFINITY;
      expect(writer.drain()).toBe(true);
      expect(socket.taken.equals(Buffer.concat([message, Buffer.from(head)]))).toBe(true);
    },
  );

  test("forgets the rest of large bytes when the socket is closed under them", () => {
    const socket = new TestSocket();
    const writer = new SocketWriter(socket, true);
    socket.write = () => -1;
    writer.write(body);
    expect(writer.closed).toBe(true);
    expect(writer.blocked).toBe(false);
  });
});

describe("what may leave soon", () => {
  /** Behind everything that waits for the end of this turn. */
  const endOfTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

  function writers(count: number): { writer: SocketWriter; socket: TestSocket }[] {
    return Array.from({ length: count }, () => {
      const socket = new TestSocket();
      return { socket, writer: new SocketWriter(socket, true) };
    });
  }

  test("leaves at the end of the turn, each socket's in one write", async () => {
    const all = writers(3);
    for (const [index, { writer }] of all.entries()) {
      writer.writeText(head);
      writer.write(body.subarray(0, index));
      writer.flushSoon();
    }
    expect(all.flatMap(({ socket }) => socket.writes)).toEqual([]);
    expect(all.map(({ writer }) => writer.position)).toEqual([0, 1, 2].map((n) => head.length + n));
    await endOfTurn();
    expect(all.map(({ socket }) => socket.writes)).toEqual([0, 1, 2].map((n) => [head.length + n]));
  });

  test("waits for no more than so many others", () => {
    const all = writers(65);
    for (const { writer } of all) {
      writer.writeText(head);
      writer.flushSoon();
    }
    expect(all.filter(({ socket }) => socket.writes.length > 0).length).toBe(64);
  });

  test("leaves before whatever leaves at once", () => {
    const { writer, socket } = writers(1)[0]!;
    writer.writeText("a");
    writer.flushSoon();
    writer.writeText("b");
    writer.flush();
    writer.writeText("c");
    writer.flushSoon();
    writer.write(body);
    expect(socket.taken.toString("latin1", 0, 3)).toBe("abc");
    expect(socket.taken.length).toBe(3 + body.length);
  });

  test("leaves before what goes past the writer", () => {
    const { writer, socket } = writers(1)[0]!;
    writer.writeText("a");
    writer.flushSoon();
    expect(writer.descriptor).toBe(socket.fd);
    expect(socket.writes).toEqual([1]);
  });

  test("can't be taken back, what came behind it can", async () => {
    const { writer, socket } = writers(1)[0]!;
    const start = writer.position;
    writer.writeText("a");
    writer.flushSoon();
    const behind = writer.position;
    writer.writeText("b");
    expect([writer.takeBack(start), writer.takeBack(behind)]).toEqual([false, true]);
    await endOfTurn();
    expect(socket.taken.toString()).toBe("a");
  });

  test("leaves when the writer is closed, and is forgotten when the connection breaks", async () => {
    const [closed, broken] = writers(2);
    for (const { writer } of [closed!, broken!]) {
      writer.writeText("a");
      writer.flushSoon();
    }
    closed!.writer.close();
    broken!.writer.breakOff();
    await endOfTurn();
    expect([closed!.socket.writes, broken!.socket.writes]).toEqual([[1], []]);
  });

  test("is sent in the next turn though another socket throws", async () => {
    const [broken, ...others] = writers(64);
    broken!.socket.write = () => {
      throw new Error("a socket that throws");
    };
    const writeAll = (): void => {
      for (const { writer } of [broken!, ...others]) {
        writer.writeText("a");
        writer.flushSoon();
      }
    };
    expect(writeAll).toThrow("a socket that throws");
    await endOfTurn();
    expect(others.filter(({ socket }) => socket.writes.length !== 1)).toEqual([]);
  });
});
