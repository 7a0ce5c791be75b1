import { expect, test } from "bun:test";
import {
  AcmeError,
  parseRetryAfter,
} from "../../../../../src/control-plane/certificates/acme/acme-error.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");

test.each([
  ["60", 60_000],
  [" 1 ", 1_000],
  ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
  ["Wed, 31 Dec 2025 23:00:00 GMT", null],
  ["99999999999", 604_800_000],
  ["9".repeat(400), 604_800_000],
  ["Fri, 31 Dec 9999 23:59:59 GMT", 604_800_000],
  ["0", null],
  ["-5", null],
  ["soon", null],
  [null, null],
])("retry-after %p is %p ms", (value, expected) => {
  expect(parseRetryAfter(value, nowMs)).toBe(expected);
});

test("a failure is remembered as long as its kind or the authority demands", () => {
  expect(new AcmeError("refused", "no").memoryMs).toBe(60_000);
  expect(new AcmeError("unreachable", "no answer").memoryMs).toBe(5_000);
  expect(new AcmeError("busy", "later", { retryAfterMs: 3_600_000 }).memoryMs).toBe(3_600_000);
});
