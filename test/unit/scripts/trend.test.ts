import { expect, test } from "bun:test";
import { slope } from "../../soak/trend.ts";

test("the slope of a soak's figure is its change a minute", () => {
  const samples = [0, 0.5, 1, 2].map((minutes) => ({ minutes, value: 40 + 3 * minutes }));
  expect(slope(samples)).toBeCloseTo(3);
  expect(slope(samples.map(({ minutes }) => ({ minutes, value: 7 })))).toBe(0);
});

test("the slope of a soak's figure is 0 when there is nothing to compare", () => {
  expect(slope([])).toBe(0);
  expect(slope([{ minutes: 1, value: 5 }])).toBe(0);
  expect(slope([1, 1].map((minutes) => ({ minutes, value: Math.random() })))).toBe(0);
});
