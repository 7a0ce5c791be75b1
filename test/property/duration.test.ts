import { test } from "bun:test";
import * as fc from "fast-check";
import {
  formatDuration,
  msFromNanoseconds,
  nanosecondsFromMs,
  parseDuration,
} from "../../src/go/duration.ts";

// Milliseconds in a double hold each nanosecond up to 26 days.
const exactNanoseconds = fc.integer({ min: -(2 ** 51), max: 2 ** 51 });

test("a duration that is written can be read again, to the nanosecond", () => {
  fc.assert(
    fc.property(exactNanoseconds, (nanoseconds) => {
      const parsed = parseDuration(formatDuration(msFromNanoseconds(nanoseconds)));
      return "ms" in parsed && nanosecondsFromMs(parsed.ms) === nanoseconds;
    }),
  );
});

test("whole milliseconds are read exactly at any length", () => {
  fc.assert(
    fc.property(fc.integer({ min: -9_000_000_000_000, max: 9_000_000_000_000 }), (ms) => {
      const parsed = parseDuration(`${ms}ms`);
      return "ms" in parsed && parsed.ms === ms;
    }),
  );
});

test("parseDuration answers every text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const parsed = parseDuration(text);
      return "ms" in parsed ? Number.isFinite(parsed.ms) : parsed.error.startsWith("time: ");
    }),
  );
});
