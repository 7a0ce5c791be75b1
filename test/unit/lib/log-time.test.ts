import { afterEach, describe, expect, test } from "bun:test";
import { formatLogTime } from "../../../src/lib/log-time.ts";

const zone = process.env.TZ;

describe("formatLogTime", () => {
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  test("has nine digits of a second, whatever the fraction", () => {
    process.env.TZ = "UTC";
    const second = Date.UTC(2026, 10, 23, 15, 18, 57);
    expect(formatLogTime(second)).toBe("2026-11-23T15:18:57.000000000Z");
    expect(formatLogTime(second + 7)).toBe("2026-11-23T15:18:57.007000000Z");
    expect(formatLogTime(second + 862.25)).toBe("2026-11-23T15:18:57.862250000Z");
    expect(formatLogTime(second + 999.999)).toMatch(/^2026-11-23T15:18:57\.99[89]\d{6}Z$/);
    expect(formatLogTime(second + 1_000)).toBe("2026-11-23T15:18:58.000000000Z");
  });

  test("can go back to an earlier second", () => {
    process.env.TZ = "UTC";
    const second = Date.UTC(2026, 0, 1);
    expect(formatLogTime(second)).toBe("2026-01-01T00:00:00.000000000Z");
    expect(formatLogTime(second - 1)).toBe("2025-12-31T23:59:59.999000000Z");
  });

  test.each([
    ["America/New_York", "2026-02-03T04:05:06.000000000-05:00"],
    ["Asia/Kolkata", "2026-02-03T14:35:06.000000000+05:30"],
  ])("gives the local time with its offset in %s", (name, text) => {
    process.env.TZ = name;
    // Another second in between, for the zone is looked up once a second.
    formatLogTime(0);
    expect(formatLogTime(Date.UTC(2026, 1, 3, 9, 5, 6))).toBe(text);
  });
});
