import { expect, test } from "bun:test";
import { Credit } from "../../../../src/protocols/http2/credit.ts";

const rates = { burst: 10, perSecond: 5 };

test("credit is spent once, and comes back with time, never beyond the burst", () => {
  const credit = new Credit(rates, 0);
  expect(credit.spend(10, 0)).toBe(true);
  expect(credit.spend(1, 0)).toBe(false);
  expect(credit.spend(5, 1_000)).toBe(true);
  expect(credit.spend(1, 1_000)).toBe(false);
  expect(credit.spend(10, 60_000)).toBe(true);
  expect(credit.spend(1, 60_000)).toBe(false);
});

test("credit is earned by work", () => {
  const credit = new Credit(rates, 0);
  credit.spend(10, 0);
  credit.earn(3);
  expect([credit.spend(3, 0), credit.spend(1, 0)]).toEqual([true, false]);
});
