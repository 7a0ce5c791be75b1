import { expect, test } from "bun:test";
import { httpDate } from "../../../../src/protocols/http/date.ts";

test("httpDate writes IMF-fixdate", () => {
  expect(httpDate(Date.UTC(1994, 10, 6, 8, 49, 37))).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
});

test("httpDate changes with the second, forwards and backwards", () => {
  const base = Date.UTC(2026, 0, 1);
  expect(httpDate(base + 999)).toBe("Thu, 01 Jan 2026 00:00:00 GMT");
  expect(httpDate(base + 1_000)).toBe("Thu, 01 Jan 2026 00:00:01 GMT");
  expect(httpDate(base)).toBe("Thu, 01 Jan 2026 00:00:00 GMT");
});
