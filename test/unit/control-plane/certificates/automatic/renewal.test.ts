import { expect, test } from "bun:test";
import {
  firstRenewalTimeMs,
  isWithin,
  renewalRetryDelayMs,
  renewalTimeMs,
  sleepMs,
} from "../../../../../src/control-plane/certificates/automatic/renewal.ts";

const hour = 3_600_000;
const day = 24 * hour;

test("renewal begins when a third of a short life is left", () => {
  expect(renewalTimeMs({ notBeforeMs: 0, notAfterMs: 15_000 }, 0)).toBe(10_000);
  expect(renewalTimeMs({ notBeforeMs: 0, notAfterMs: 6 * day }, 0)).toBe(4 * day);
});

test("renewal begins 30 days before the end of a long life", () => {
  expect(renewalTimeMs({ notBeforeMs: 0, notAfterMs: 365 * day }, 0)).toBe(335 * day);
});

test("renewal is spread over a tenth of the window, an hour at most", () => {
  expect(renewalTimeMs({ notBeforeMs: 0, notAfterMs: 15_000 }, 1)).toBe(9_500);
  expect(renewalTimeMs({ notBeforeMs: 0, notAfterMs: 90 * day }, 1)).toBe(60 * day - hour);
});

test("renewal of a certificate that begins far in the past waits half of what is left", () => {
  const lifetime = { notBeforeMs: 0, notAfterMs: day };
  const nowMs = day - 20_000;
  expect(firstRenewalTimeMs(lifetime, nowMs, 0)).toBe(day - 10_000);
});

test("renewal of a certificate that has expired by this clock is not at once", () => {
  expect(firstRenewalTimeMs({ notBeforeMs: 0, notAfterMs: day }, 2 * day, 0)).toBe(2 * day + hour);
});

test("renewal that failed is tried again after 30 to 60 minutes", () => {
  const lifetime = { notBeforeMs: 0, notAfterMs: 90 * day };
  expect(renewalRetryDelayMs(lifetime, 60 * day, 0)).toBe(hour / 2);
  expect(renewalRetryDelayMs(lifetime, 60 * day, 1)).toBe(hour);
});

test("renewal that failed shortly before the end is tried again before it", () => {
  const lifetime = { notBeforeMs: 0, notAfterMs: 15_000 };
  expect(renewalRetryDelayMs(lifetime, 10_000, 0.5)).toBe(1_000);
  expect(renewalRetryDelayMs(lifetime, 20_000, 0.5)).toBe(60_000);
});

test("renewal timers never sleep longer than a timer can", () => {
  expect(sleepMs(90 * day, 0)).toBe(12 * hour);
  expect(sleepMs(500, 200)).toBe(300);
  expect(sleepMs(100, 200)).toBe(0);
});

test("a lifetime contains its beginning but not its end", () => {
  const lifetime = { notBeforeMs: 100, notAfterMs: 200 };
  expect([99, 100, 199, 200].map((ms) => isWithin(lifetime, ms))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
