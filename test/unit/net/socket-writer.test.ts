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
