import { describe, expect, test } from "bun:test";
import { rateMemoryBytes } from "../../../src/config/access-limits.ts";
import { parseRate } from "../../../src/config/rate.ts";
import { rateSlotBytes, RateTable, type RateKey } from "../../../src/access/rate-table.ts";

const table = (bytes = rateSlotBytes * 8 * 1024, secret = 1) =>
  new RateTable(new ArrayBuffer(bytes), secret);
const of = (text: string, group = 0): RateKey => ({ group, text });
const rate = (text: string, burst = 0) => parseRate(text, burst)!;

/** How many of so many are let through. */
function passed(
  rates: RateTable,
  key: string,
  count: number,
  perSecond: string,
  nowMs: number,
): number {
  let allowed = 0;
  for (let i = 0; i < count; i++) if (rates.take(of(key), rate(perSecond), nowMs) >= 0) allowed++;
  return allowed;
}

describe("RateTable", () => {
  test("allows a burst, then one for each interval, and says how long until the next", () => {
    const rates = table();
    const tenPerSecond = rate("10/s", 3);
    const taken = [0, 1, 2, 3].map(() => rates.take(of("a"), tenPerSecond, 1_000));
    expect(taken).toEqual([2, 1, 0, -100]);
    expect(rates.take(of("a"), tenPerSecond, 1_099)).toBeCloseTo(-1, 6);
    expect(rates.take(of("a"), tenPerSecond, 1_100)).toBe(0);
    expect(rates.left(of("a"), tenPerSecond, 1_100)).toBe(0);
    expect(rates.left(of("a"), tenPerSecond, 60_000)).toBe(3);
    expect(rates.take(of("b"), tenPerSecond, 1_100)).toBe(2);
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
        for (let i = 0; i < perStep; i++) if (rates.take(of("a"), spec, nowMs) >= 0) allowed++;
      }
      const wanted = Number(count) * 11;
      expect(Math.abs(allowed - wanted)).toBeLessThanOrEqual(1 + wanted * 0.001);
    },
  );

  test("counts by a new limit from the moment on that it is asked by it", () => {
    const rates = table();
    expect(rates.take(of("a"), rate("1/h"), 0)).toBe(0);
    const tenPerSecond = rate("10/s", 3);
    // An hour's backlog is a burst of the new limit, and goes by as such.
    expect(rates.take(of("a"), tenPerSecond, 1_000)).toBe(-100);
    expect(rates.take(of("a"), tenPerSecond, 1_100)).toBe(0);
    expect(rates.left(of("a"), tenPerSecond, 2_000)).toBe(3);
  });

  test("waits no longer than before when the clock is set back", () => {
    const rates = table();
    const onePerSecond = rate("1/s");
    expect(rates.take(of("a"), onePerSecond, 1e9)).toBe(0);
    expect(rates.take(of("a"), onePerSecond, 0)).toBe(-1_000);
    expect(rates.take(of("a"), onePerSecond, 1_000)).toBe(0);
  });

  test("gives back what shall not count", () => {
    const rates = table();
    const one = rate("1/h");
    expect(rates.take(of("a"), one, 0)).toBe(0);
    expect(rates.take(of("a"), one, 0)).toBeLessThan(0);
    rates.giveBack(of("a"), one);
    expect(rates.take(of("a"), one, 0)).toBe(0);
  });

  test("goes on after the clock was set back", () => {
    const rates = table();
    expect(passed(rates, "a", 20, "10/s", 1e12)).toBe(10);
    // An hour earlier nobody waits for more than the whole burst.
    expect(rates.take(of("a"), rate("10/s"), 1e12 - 3.6e6)).toBeGreaterThanOrEqual(-1_000);
    expect(passed(rates, "b", 20, "10/s", 1e12 - 3.6e6)).toBe(10);
  });

  test("counts together what shares its memory", () => {
    const memory = new ArrayBuffer(rateSlotBytes * 8 * 64);
    const one = new RateTable(memory, 7);
    const other = new RateTable(memory, 7);
    expect([passed(one, "a", 6, "10/s", 0), passed(other, "a", 6, "10/s", 0)]).toEqual([6, 4]);
  });

  test("tells 100,000 keys apart", () => {
    const rates = table(rateMemoryBytes, 42);
    const two = rate("2/m");
    const wrong: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100_000; i++) {
        if (rates.take(of(`key ${i}`), two, 0) >= 0 !== round < 2) wrong.push(`${round} ${i}`);
      }
    }
    // Where more than eight fall together, one is forgotten.
    expect(wrong.length).toBeLessThanOrEqual(30);
  });

  test("under a million addresses remembers those that are over their limit", () => {
    const rates = table(rateMemoryBytes, 42);
    const tenPerMinute = rate("10/m");
    expect(passed(rates, "greedy", 50, "10/m", 0)).toBe(10);
    for (let i = 0; i < 1_000_000; i++) rates.take(of(`10.${i}`), tenPerMinute, 1);
    expect(rates.take(of("greedy"), tenPerMinute, 2)).toBeLessThan(0);
  });

  test("forgets nobody of one group because of a million keys of another", () => {
    const rates = table(rateMemoryBytes, 42);
    const [guesses, slow] = [rates.group("guesses"), rates.group("slow")];
    expect(guesses).not.toBe(slow);
    const [perMinute, perHour] = [rate("1/m"), rate("1/h")];
    const guessers = Array.from({ length: 1_000 }, (_, i) => of(`guesser ${i}`, guesses));
    for (const guesser of guessers) expect(rates.take(guesser, perMinute, 1)).toBe(0);
    for (let i = 0; i < 1_000_000; i++) rates.take(of(`10.${i}`, slow), perHour, 2);
    for (const guesser of guessers) expect(rates.take(guesser, perMinute, 3)).toBeLessThan(0);
    // Nor does who comes now drive anybody out of its own group: there is enough of the other.
    for (let i = 0; i < 1_000; i++) rates.take(of(`newcomer ${i}`, guesses), perMinute, 4);
    const free = guessers.filter((guesser) => rates.take(guesser, perMinute, 5) >= 0);
    expect(free.length).toBe(0);
  });

  test("gives back nothing of a key that was forgotten", () => {
    const rates = table(rateSlotBytes * 8);
    for (let i = 0; i < 8; i++) rates.take(of(`10.${i}`), rate("1/h"), 1e12);
    rates.giveBack(of("another"), rate("1/h"));
    for (let i = 0; i < 8; i++) {
      expect(rates.take(of(`10.${i}`), rate("1/h"), 1e12 + 1)).toBeLessThan(0);
    }
  });
});
