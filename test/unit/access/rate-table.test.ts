import { describe, expect, test } from "bun:test";
import { parseRate } from "../../../src/config/rate.ts";
import { RateTable } from "../../../src/access/rate-table.ts";

const table = (bytes = 12 * 8 * 1024, secret = 1) => new RateTable(new ArrayBuffer(bytes), secret);
const rate = (text: string, burst = 0) => parseRate(text, burst)!;

/** How many of so many are let through. */
function passed(
  rates: RateTable,
  key: string,
  of: number,
  perSecond: string,
  nowMs: number,
): number {
  let count = 0;
  for (let i = 0; i < of; i++) if (rates.take(key, rate(perSecond), nowMs) >= 0) count++;
  return count;
}

describe("RateTable", () => {
  test("allows a burst, then one for each interval, and says how long until the next", () => {
    const rates = table();
    const tenPerSecond = rate("10/s", 3);
    const taken = [0, 1, 2, 3].map(() => rates.take("a", tenPerSecond, 1_000));
    expect(taken).toEqual([2, 1, 0, -100]);
    expect(rates.take("a", tenPerSecond, 1_099)).toBeCloseTo(-1, 6);
    expect(rates.take("a", tenPerSecond, 1_100)).toBe(0);
    expect(rates.left("a", tenPerSecond, 1_100)).toBe(0);
    expect(rates.left("a", tenPerSecond, 60_000)).toBe(3);
    expect(rates.take("b", tenPerSecond, 1_100)).toBe(2);
  });

  test.each(["1/s", "7/s", "20/s", "5000/s", "100/m", "3/h"])(
    "holds %s over ten of its units and the burst before, whatever is asked beyond",
    (text) => {
      const [count, unit] = text.split("/");
      const perMs = { s: 1e3, m: 6e4, h: 3.6e6 }[unit as "s"];
      const rates = table();
      const spec = rate(text);
      let allowed = 0;
      const steps = 100;
      const perStep = Math.ceil(Number(count) / 5) + 1;
      for (let step = 0; step <= steps; step++) {
        const nowMs = 1e12 + (step * 10 * perMs) / steps;
        for (let i = 0; i < perStep; i++) if (rates.take("a", spec, nowMs) >= 0) allowed++;
      }
      const wanted = Number(count) * 11;
      expect(Math.abs(allowed - wanted)).toBeLessThanOrEqual(1 + wanted * 0.001);
    },
  );

  test("counts by a new limit from the moment on that it is asked by it", () => {
    const rates = table();
    expect(rates.take("a", rate("1/h"), 0)).toBe(0);
    const tenPerSecond = rate("10/s", 3);
    // An hour's backlog is a burst of the new limit, and goes by as such.
    expect(rates.take("a", tenPerSecond, 1_000)).toBe(-100);
    expect(rates.take("a", tenPerSecond, 1_100)).toBe(0);
    expect(rates.left("a", tenPerSecond, 2_000)).toBe(3);
  });

  test("waits no longer than before when the clock is set back", () => {
    const rates = table();
    const onePerSecond = rate("1/s");
    expect(rates.take("a", onePerSecond, 1e9)).toBe(0);
    expect(rates.take("a", onePerSecond, 0)).toBe(-1_000);
    expect(rates.take("a", onePerSecond, 1_000)).toBe(0);
  });

  test("gives back what shall not count", () => {
    const rates = table();
    const one = rate("1/h");
    expect(rates.take("a", one, 0)).toBe(0);
    expect(rates.take("a", one, 0)).toBeLessThan(0);
    rates.giveBack("a", one);
    expect(rates.take("a", one, 0)).toBe(0);
  });

  test("goes on after the clock was set back", () => {
    const rates = table();
    expect(passed(rates, "a", 20, "10/s", 1e12)).toBe(10);
    // An hour earlier nobody waits for more than the whole burst.
    expect(rates.take("a", rate("10/s"), 1e12 - 3.6e6)).toBeGreaterThanOrEqual(-1_000);
    expect(passed(rates, "b", 20, "10/s", 1e12 - 3.6e6)).toBe(10);
  });

  test("counts together what shares its memory", () => {
    const memory = new ArrayBuffer(12 * 8 * 64);
    const one = new RateTable(memory, 7);
    const other = new RateTable(memory, 7);
    expect([passed(one, "a", 6, "10/s", 0), passed(other, "a", 6, "10/s", 0)]).toEqual([6, 4]);
  });

  test("tells 100,000 keys apart", () => {
    const rates = table(6 * 1024 * 1024, 42);
    const two = rate("2/m");
    const wrong: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100_000; i++) {
        if (rates.take(`key ${i}`, two, 0) >= 0 !== round < 2) wrong.push(`${round} ${i}`);
      }
    }
    // Where more than eight fall together, one is forgotten.
    expect(wrong.length).toBeLessThanOrEqual(30);
  });

  test("under a million addresses remembers those that are over their limit", () => {
    const rates = table(6 * 1024 * 1024, 42);
    const tenPerMinute = rate("10/m");
    expect(passed(rates, "greedy", 50, "10/m", 0)).toBe(10);
    for (let i = 0; i < 1_000_000; i++) rates.take(`10.${i}`, tenPerMinute, 1);
    expect(rates.take("greedy", tenPerMinute, 2)).toBeLessThan(0);
  });
});
