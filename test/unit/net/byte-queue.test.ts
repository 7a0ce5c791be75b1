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
