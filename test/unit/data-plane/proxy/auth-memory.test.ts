import { describe, expect, test } from "bun:test";
import { reusableMs } from "../../../../src/data-plane/proxy/policies/auth-memory.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";

describe("an answer may be used again", () => {
  test.each([
    ["max-age=60", 60_000],
    ["private, MAX-AGE=60", 60_000],
    ['max-age="60"', 60_000],
    ["max-age=60, s-maxage=5", 5_000],
    ["max-age=99999999", 3_600_000],
    ["max-age=60, no-store", 0],
    ["no-cache, max-age=60", 0],
    ["max-age=0", 0],
    ["max-age=-1", 0],
    ["max-age=1e9", 0],
    ["max-age=", 0],
    ["private", 0],
    ["", 0],
  ])("with %j for %d ms", (value, ms) => {
    expect(reusableMs(Fields.of(["Cache-Control", value]))).toBe(ms);
  });

  test("less its age, and not when it varies by anything or sets a cookie", () => {
    const answer = (...more: [string, string][]) =>
      reusableMs(Fields.of(["Cache-Control", "max-age=60"], ...more));
    expect(answer(["Age", "20"])).toBe(40_000);
    expect(answer(["Age", "70"])).toBe(0);
    expect(answer(["Age", "old"])).toBe(0);
    expect(answer(["Vary", "Cookie"])).toBe(60_000);
    expect(answer(["Vary", "*"])).toBe(0);
    expect(answer(["Set-Cookie", "a=1"])).toBe(0);
    expect(answer(["Cache-Control", "no-store"])).toBe(0);
  });
});
