import { describe, expect, test } from "bun:test";
import { ByteBlocks } from "../../../src/net/byte-blocks.ts";
import { MemoryBudget } from "../../../src/net/memory-budget.ts";

const KB = 1024;

function setUp() {
  const budget = new MemoryBudget(Number.POSITIVE_INFINITY);
  return { budget, blocks: new ByteBlocks(budget) };
}

describe("ByteBlocks", () => {
  test("takes no memory while it is empty, before and after", () => {
    const { blocks, budget } = setUp();
    expect([blocks.memoryBytes, blocks.front().length, blocks.views()]).toEqual([0, 0, []]);
    blocks.append(Buffer.alloc(3 * KB));
    blocks.consume(3 * KB);
    expect([blocks.memoryBytes, budget.usedBytes, blocks.front().length]).toEqual([0, 0, 0]);
  });

  test("takes single bytes in little more memory than they are", () => {
    const { blocks, budget } = setUp();
    for (let i = 0; i < 200 * KB; i++) blocks.append(Buffer.of(i));
    expect(blocks.memoryBytes).toBeLessThanOrEqual(1.25 * 200 * KB + KB);
    expect(budget.usedBytes).toBe(blocks.memoryBytes);
    expect(blocks.views().length).toBeLessThan(40);
  });

  test("takes what comes in one piece in exactly its size", () => {
    const { blocks } = setUp();
    blocks.append(Buffer.alloc(5_000));
    expect(blocks.memoryBytes).toBe(5_000);
    blocks.clear();
    blocks.append(Buffer.alloc(1024 * KB));
    expect([blocks.memoryBytes, blocks.views().length]).toEqual([1024 * KB, 16]);
  });

  test("keeps a copy, and not the buffer that the bytes came in", () => {
    const { blocks } = setUp();
    const received = Buffer.from("abcdef");
    blocks.append(received.subarray(1, 3));
    received.fill(0);
    expect(blocks.front().toString()).toBe("bc");
    expect(blocks.front().buffer).not.toBe(received.buffer);
  });

  test("never writes again what was handed out", () => {
    const { blocks } = setUp();
    blocks.append(Buffer.from("abc"));
    const first = blocks.front();
    blocks.append(Buffer.from("def"));
    blocks.consume(6);
    blocks.append(Buffer.from("ghi"));
    expect([first.toString(), blocks.front().toString()]).toEqual(["abc", "ghi"]);
  });

  test("frees the blocks that are released at once, and keeps those that are only consumed", () => {
    const { blocks } = setUp();
    blocks.append(Buffer.alloc(64 * KB, "a"));
    blocks.append(Buffer.alloc(64 * KB, "b"));
    blocks.append(Buffer.from("c"));
    const [released, consumed] = blocks.views();
    blocks.release(64 * KB);
    blocks.consume(64 * KB);
    expect([released!.length, consumed!.length]).toEqual([0, 64 * KB]);
    expect(blocks.front().toString()).toBe("c");
  });

  test("gives the memory of consumed blocks back, one after the other", () => {
    const { blocks, budget } = setUp();
    blocks.append(Buffer.alloc(192 * KB));
    expect(budget.usedBytes).toBe(192 * KB);
    blocks.consume(64 * KB);
    expect(budget.usedBytes).toBe(128 * KB);
    blocks.consume(65 * KB);
    expect([budget.usedBytes, blocks.length]).toEqual([64 * KB, 63 * KB]);
    expect(blocks.front().length).toBe(63 * KB);
    blocks.clear();
    expect([budget.usedBytes, blocks.length]).toEqual([0, 0]);
  });

  test("gives a socket as much as it takes, in order, and says when it is broken", () => {
    const { blocks } = setUp();
    blocks.append(Buffer.alloc(64 * KB, "a"));
    blocks.append(Buffer.from("the end"));
    let text = "";
    const taking = (limit: number) => ({
      write(bytes: Uint8Array, offset: number, length: number): number {
        const taken = Math.min(length, limit - text.length);
        text += Buffer.from(bytes).toString("latin1", offset, offset + taken);
        return taken;
      },
    });
    expect([blocks.drainInto(taking(70)), blocks.length]).toEqual([70, 64 * KB + 7 - 70]);
    expect([blocks.drainInto(taking(Infinity)), blocks.length]).toEqual([64 * KB + 7 - 70, 0]);
    expect(text).toBe(`${"a".repeat(64 * KB)}the end`);
    expect(blocks.drainInto(taking(0))).toBe(0);
    blocks.append(Buffer.from("x"));
    expect(blocks.drainInto({ write: () => -1 })).toBe(-1);
  });
});
