import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteBlocks } from "../../src/net/byte-blocks.ts";
import { MemoryBudget } from "../../src/net/memory-budget.ts";

type Step = { append: number } | { consume: number };

const sizes = fc.oneof(fc.nat(5), fc.nat(3_000), fc.nat(200_000));
const steps = fc.array(
  fc.oneof(
    fc.record({ append: sizes }),
    fc.record({ consume: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
  { maxLength: 20 },
);

/** Bytes that tell where they belong. */
function numbered(from: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let i = 0; i < count; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

describe("ByteBlocks, whatever is appended and consumed,", () => {
  test("gives every byte back in order, and counts the memory that it said it would take", () => {
    fc.assert(
      fc.property(steps, (list: Step[]) => {
        const budget = new MemoryBudget(0);
        const blocks = new ByteBlocks(budget);
        let appended = 0;
        let consumed = 0;
        for (const step of list) {
          if ("append" in step) {
            const expected = blocks.memoryBytes + blocks.memoryFor(step.append);
            blocks.append(numbered(appended, step.append));
            appended += step.append;
            expect(blocks.memoryBytes).toBe(expected);
          } else {
            const count = Math.floor(step.consume * blocks.length);
            blocks.consume(count);
            consumed += count;
          }
          expect(blocks.length).toBe(appended - consumed);
          expect(budget.usedBytes).toBe(blocks.memoryBytes);
          const waiting = numbered(consumed, blocks.length);
          expect(Buffer.concat(blocks.views()).equals(waiting)).toBe(true);
          const front = blocks.front();
          expect(front.equals(waiting.subarray(0, front.length))).toBe(true);
          expect(front.length > 0).toBe(blocks.length > 0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
