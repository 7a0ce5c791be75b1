import { describe, expect, test } from "bun:test";
import {
  formatDuration,
  msFromNanoseconds,
  nanosecondsFromMs,
  parseDuration,
} from "../../../src/go/duration.ts";

describe("parseDuration", () => {
  test.each([
    ["0", 0],
    ["-0", 0],
    ["+0", 0],
    ["300ms", 300],
    ["1h2m3.5s", 3_723_500],
    [".5s", 500],
    ["1.s", 1_000],
    ["+2s", 2_000],
    ["-1.5h", -5_400_000],
    ["1ns", 0.000_001],
    ["1us", 0.001],
    ["1\u00b5s", 0.001],
    ["1\u03bcs", 0.001],
    ["0.000001ms", 0.000_001],
    ["0.3333333333333333333h", 1_200_000],
    ["9223372036854775807ns", 9_223_372_036_854.775],
    ["-9223372036854775808ns", -9_223_372_036_854.775],
  ])("takes %s", (text, ms) => {
    expect(parseDuration(text)).toEqual({ ms });
  });

  test.each([
    ["", 'time: invalid duration ""'],
    ["abc", 'time: invalid duration "abc"'],
    ["-", 'time: invalid duration "-"'],
    [".s", 'time: invalid duration ".s"'],
    ["1s ", 'time: unknown unit "s " in duration "1s "'],
    ["30", 'time: missing unit in duration "30"'],
    ["1.5.5s", 'time: missing unit in duration "1.5.5s"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1toString", 'time: unknown unit "toString" in duration "1toString"'],
    ['1"', 'time: unknown unit "\\"" in duration "1\\""'],
    ["1\u00e9", 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'],
    ["9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'],
    ["99999999999h", 'time: invalid duration "99999999999h"'],
  ])("refuses %j", (text, error) => {
    expect(parseDuration(text)).toEqual({ error });
  });
});

test.each([
  [0, "0s"],
  [-0, "0s"],
  [0.000_001, "1ns"],
  [0.001_1, "1.1\u00b5s"],
  [1.2, "1.2ms"],
  [250, "250ms"],
  [1_200, "1.2s"],
  [30_000, "30s"],
  [60_000, "1m0s"],
  [90_000, "1m30s"],
  [3_600_000, "1h0m0s"],
  [90_061_001, "25h1m1.001s"],
  [-1_500, "-1.5s"],
])("formatDuration writes %p ms as %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("nanosecondsFromMs stays within 64 bits", () => {
  expect(nanosecondsFromMs(30_000)).toBe(30_000_000_000);
  expect(BigInt(nanosecondsFromMs(Number.MAX_VALUE)) < 2n ** 63n).toBe(true);
  expect(BigInt(nanosecondsFromMs(-Number.MAX_VALUE)) >= -(2n ** 63n)).toBe(true);
});

test("msFromNanoseconds keeps the last nanosecond", () => {
  expect(msFromNanoseconds(1_000_000_001)).toBe(1_000.000_001);
  expect(msFromNanoseconds(-1_500_000)).toBe(-1.5);
});
