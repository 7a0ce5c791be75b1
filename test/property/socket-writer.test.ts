/** Several sockets that share the buffer of a turn: each gets its own bytes, all of them, in order. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { SocketWriter } from "../../src/net/socket-writer.ts";
import type { WritableSocket } from "../../src/net/unsent-bytes.ts";

const socketCount = 5;

class Socket implements WritableSocket {
  readonly fd = -1;
  readonly taken: Buffer[] = [];
  room = Number.POSITIVE_INFINITY;

  write(data: Uint8Array, start = 0, length = data.length - start): number {
    const count = Math.min(length, this.room);
    this.room -= count;
    this.taken.push(Buffer.from(data.subarray(start, start + count)));
    return count;
  }
}

const size = fc.oneof(
  fc.integer({ min: 1, max: 400 }),
  fc.integer({ min: 1, max: 40_000 }),
  fc.integer({ min: 120_000, max: 200_000 }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constantFrom("text", "bytes"), size }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant("flushSoon"), size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("flush"), size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("full"), size: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("drain"), size: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("turn"), size: fc.constant(0) }) },
);
const steps = fc.array(fc.tuple(fc.nat(socketCount - 1), step), { maxLength: 60 });

test("writers that share a buffer mix nothing up", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const sides = Array.from({ length: socketCount }, () => {
        const socket = new Socket();
        return { socket, writer: new SocketWriter(socket, true), written: [] as Buffer[] };
      });
      let next = 0;
      for (const [index, { act, size }] of script) {
        const { socket, writer, written } = sides[index]!;
        if (act === "text" || act === "bytes") {
          const bytes = Buffer.alloc(size, ++next & 255);
          written.push(bytes);
          if (act === "text") writer.writeText(bytes.toString("latin1"));
          else writer.write(bytes);
        } else if (act === "full") {
          socket.room = size;
        } else if (act === "drain") {
          socket.room = Number.POSITIVE_INFINITY;
          writer.drain();
        } else if (act === "turn") {
          await new Promise((resolve) => void setImmediate(resolve));
        } else {
          writer[act as "flush" | "flushSoon"]();
        }
        const handedOver = written.reduce((sum, { length }) => sum + length, 0);
        expect(writer.position).toBe(handedOver);
      }
      for (const { socket, writer, written } of sides) {
        socket.room = Number.POSITIVE_INFINITY;
        writer.flush();
        writer.drain();
        expect(Buffer.concat(socket.taken).equals(Buffer.concat(written))).toBeTrue();
      }
    }),
  );
});
