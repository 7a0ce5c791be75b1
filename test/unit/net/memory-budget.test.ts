import { describe, expect, test } from "bun:test";
import { MemoryBudget } from "../../../src/net/memory-budget.ts";

describe("MemoryBudget", () => {
  test("counts what a part of it counts, and lets the part have no more than is left in all", () => {
    const whole = new MemoryBudget(100);
    const part = new MemoryBudget(60, whole);
    part.add(50);
    expect(whole.usedBytes).toBe(50);
    expect(part.fits(10)).toBeTrue();
    expect(part.fits(11)).toBeFalse();
    whole.add(45);
    expect(part.fits(10)).toBeFalse();
    expect(part.exhausted).toBeFalse();
    whole.add(5);
    expect(part.exhausted).toBeTrue();
    part.release(50);
    expect(whole.usedBytes).toBe(50);
  });
});
