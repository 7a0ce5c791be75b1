import { describe, expect, test } from "bun:test";
import { History } from "../../../src/status-page/history.ts";
import {
  areaPath,
  bins,
  linePath,
  niceMaximum,
  timeTicks,
} from "../../../src/status-page/scales.ts";

describe("a scale", () => {
  test.each([
    [0, 1, 1],
    [3, 1, 4],
    [4, 1, 4],
    [9, 1, 10],
    [10, 1, 10],
    [11, 1, 20],
    [450, 10, 600],
    [3, 10, 10],
  ])("of %p, no less than %p, reaches to %p", (value, least, expected) => {
    expect(niceMaximum(value, least)).toBe(expected);
  });

  test("has round times, no more than fit", () => {
    const minute = 60_000;
    expect(timeTicks(30_000, 5 * minute, 4)).toEqual([2 * minute, 4 * minute]);
    expect(timeTicks(0, 60 * minute, 4)).toEqual([0, 15, 30, 45, 60].map((each) => each * minute));
  });
});

describe("bins", () => {
  const range = { fromMs: 0, toMs: 39, stepMs: 10 };
  const at = [1, 5, 12, 35];
  const values = [2, 4, null, 7];

  test("have the mean or the highest of what was measured in them, or nothing", () => {
    expect(bins(at, values, range, "mean").map(({ value }) => value)).toEqual([3, null, null, 7]);
    expect(bins(at, values, range, "highest").map(({ value }) => value)).toEqual([
      4,
      null,
      null,
      7,
    ]);
  });

  test("stay where they are while time goes on", () => {
    const later = { fromMs: 7, toMs: 46, stepMs: 10 };
    const first = bins(at, values, range, "mean").map(({ atMs }) => atMs);
    expect(
      bins(at, values, later, "mean")
        .map(({ atMs }) => atMs)
        .slice(0, 4),
    ).toEqual(first);
  });
});

describe("a path", () => {
  const places = [{ x: 0, y: 1 }, { x: 1, y: 2 }, null, { x: 3, y: 4 }, null, null, { x: 6, y: 5 }];

  test("bridges short gaps, breaks at long ones, and shows a single point", () => {
    expect(linePath(places, 1)).toBe("M0 1L1 2L3 4M6 5h0.1");
  });

  test("of an area goes down to the floor", () => {
    expect(areaPath(places.slice(0, 2), 9, 1)).toBe("M0 1L1 2L1 9L0 9Z");
  });
});

test("a history grows at its end, in order, and is an hour long", () => {
  const history = new History({ at: [1_000], figures: [[1], [2]] });
  history.add(1_000, [9, 9]);
  history.add(2_000, [3]);
  expect(history.at).toEqual([1_000, 2_000]);
  expect(history.figures).toEqual([
    [1, 3],
    [2, null],
  ]);
  history.add(3_601_500, [5, 6]);
  expect(history.at).toEqual([2_000, 3_601_500]);
  expect(history.figures).toEqual([
    [3, 5],
    [null, 6],
  ]);
});
