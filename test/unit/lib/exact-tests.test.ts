import { describe, expect, test } from "bun:test";
import { binomialTail, fisherTail } from "../../../src/lib/exact-tests.ts";

/** By adding up all combinations, in whole numbers as long as it goes. */
function choose(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i++) product = (product * (n - k + i)) / i;
  return product;
}

function slowBinomialTail(successes: number, trials: number, probability: number): number {
  let sum = 0;
  for (let k = successes; k <= trials; k++) {
    sum += choose(trials, k) * probability ** k * (1 - probability) ** (trials - k);
  }
  return sum;
}

function slowFisherTail(failed: number, total: number, otherFailed: number, other: number): number {
  let sum = 0;
  const all = failed + otherFailed;
  for (let k = failed; k <= Math.min(total, all); k++) {
    sum += (choose(total, k) * choose(other, all - k)) / choose(total + other, all);
  }
  return sum;
}

describe("binomialTail", () => {
  test("is the sum of all that is so rare or rarer", () => {
    for (const [successes, trials, probability] of [
      [3, 10, 0.01],
      [1, 1, 0.5],
      [12, 40, 0.05],
      [30, 200, 0.05],
      [10, 10, 0.9],
    ] as const) {
      const tail = binomialTail(successes, trials, probability);
      expect(tail / slowBinomialTail(successes, trials, probability)).toBeCloseTo(1, 8);
    }
  });

  test("is certain where nothing is rare, and impossible where nothing can be", () => {
    expect(binomialTail(0, 10, 0.1)).toBe(1);
    expect(binomialTail(1, 10, 0.5)).toBe(1);
    expect(binomialTail(1, 10, 0)).toBe(0);
    expect(binomialTail(11, 10, 0.5)).toBe(0);
  });

  test("takes millions of requests", () => {
    // Five standard deviations above the mean: 2.9e-7 by the normal distribution.
    const tail = binomialTail(50_000 + 1_090, 1_000_000, 0.05);
    expect(tail).toBeGreaterThan(1e-7);
    expect(tail).toBeLessThan(6e-7);
  });
});

describe("fisherTail", () => {
  test("is that of the lady who tastes tea", () => {
    expect(fisherTail({ failed: 4, total: 4 }, { failed: 0, total: 4 })).toBeCloseTo(1 / 70, 10);
    expect(fisherTail({ failed: 3, total: 4 }, { failed: 1, total: 4 })).toBeCloseTo(17 / 70, 10);
  });

  test("is the sum of all tables that are so far apart or further", () => {
    for (const [failed, total, otherFailed, other] of [
      [5, 20, 2, 40],
      [9, 10, 1, 30],
      [7, 50, 0, 50],
    ] as const) {
      const tail = fisherTail({ failed, total }, { failed: otherFailed, total: other });
      expect(tail / slowFisherTail(failed, total, otherFailed, other)).toBeCloseTo(1, 8);
    }
  });

  test("sees nothing in one failure beside many requests without", () => {
    // A test by the normal distribution would call this certain: seven standard deviations.
    const tail = fisherTail({ failed: 1, total: 200 }, { failed: 0, total: 10_000 });
    expect(tail).toBeCloseTo(200 / 10_200, 6);
  });

  test("is 1 where the one does no worse than the other", () => {
    expect(fisherTail({ failed: 1, total: 100 }, { failed: 5, total: 100 })).toBe(1);
    expect(fisherTail({ failed: 0, total: 100 }, { failed: 0, total: 100 })).toBe(1);
    expect(fisherTail({ failed: 5, total: 5 }, { failed: 5, total: 5 })).toBe(1);
  });
});
