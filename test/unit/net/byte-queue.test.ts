import { describe, expect, test } from "bun:test";
import { ByteQueue } from "../../../src/net/byte-queue.ts";

const text = (queue: ByteQueue): string => queue.view().toString("latin1");

describe("a byte queue", () => {
  test("keeps what is left of a received buffer without a copy, and a small rest with one", () => {
    const received = Buffer.from("0123456789");
    const large = new ByteQueue();
    expect(large.keep(received, 2)).toBeTrue();
    expect(large.view().buffer).toBe(received.buffer);
    const small = new ByteQueue();
    expect(small.keep(received, 8)).toBeFalse();
    expect(small.view().buffer).not.toBe(received.buffer);
    expect([text(large), text(small)]).toEqual(["23456789", "89"]);
  });

  test("never writes into a buffer that it keeps", () => {
    const received = Buffer.from("0123456789");
    const queue = new ByteQueue();
    queue.keep(received, 0);
    queue.consume(4);
    expect(queue.keep(Buffer.from("abc"), 0)).toBeFalse();
    queue.append(Buffer.from("d"));
    expect(text(queue)).toBe("456789abcd");
    expect(received.toString()).toBe("0123456789");
  });
});

describe("the memory of a byte queue", () => {
  test("is counted, and given back when it is empty", () => {
    const received = Buffer.allocUnsafeSlow(64 * 1024);
    const queue = new ByteQueue();
    queue.keep(received, 100);
    expect(queue.memoryBytes).toBe(received.length);
    queue.release(received.length - 200);
    expect(received.buffer.detached).toBeFalse();
    queue.release(100);
    expect([received.buffer.detached, queue.memoryBytes]).toEqual([true, 0]);
  });

  test("is given back when its bytes move to make room, unless somebody has parts of them", () => {
    for (const isFree of [false, true]) {
      const received = Buffer.alloc(64 * 1024, "x");
      const queue = new ByteQueue();
      queue.keep(received, 0);
      queue.append(Buffer.from("y"), isFree);
      expect(received.buffer.detached).toBe(isFree);
      expect(text(queue)).toBe(`${"x".repeat(64 * 1024)}y`);
    }
  });

  test("stays where somebody needs bytes of it", () => {
    const received = Buffer.allocUnsafeSlow(64 * 1024);
    const queue = new ByteQueue();
    queue.keep(received, 0);
    queue.consume(received.length);
    expect([received.buffer.detached, queue.memoryBytes]).toEqual([false, 0]);
  });

  test("is little more than its bytes, however they came", () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 100; i++) queue.append(Buffer.alloc(10_000));
    expect(queue.memoryBytes).toBeLessThan(1_000_000 + 80_000);
  });
});
