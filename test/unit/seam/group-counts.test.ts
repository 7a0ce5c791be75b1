import { expect, test } from "bun:test";
import {
  addCounts,
  countRequestOfGroup,
  countsSince,
  durationAt,
  type GroupCounts,
  noCounts,
  slowerThan,
  timedRequests,
} from "../../../src/seam/group-counts.ts";

function counted(...durationsMs: number[]): GroupCounts {
  const counts = noCounts();
  for (const durationMs of durationsMs) countRequestOfGroup(counts, 200, durationMs);
  return counts;
}

test("quantiles are exact to nine parts in a hundred, upwards", () => {
  for (let durationMs = 0.2; durationMs < 120_000; durationMs *= 1.037) {
    const found = durationAt(counted(durationMs), 0.95)!;
    expect(found / durationMs).toBeGreaterThan(0.999_999);
    expect(found / durationMs).toBeLessThan(1.091);
  }
});

test("what is shorter or longer than all buckets is in the outer ones", () => {
  expect(durationAt(counted(0, Number.NaN, -1), 1)).toBe(0.125);
  expect(durationAt(counted(1e9), 0.5)).toBeCloseTo(131_072, 0);
  expect(durationAt(noCounts(), 0.5)).toBeNull();
});

test("a quantile is the duration that so many requests did not exceed", () => {
  const hundred = counted(...Array.from({ length: 94 }, () => 10), 80, 80, 80, 80, 80, 80);
  expect(durationAt(hundred, 0.94)!).toBeLessThan(11);
  expect(durationAt(hundred, 0.95)!).toBeGreaterThan(79);
});

test("only what certainly took longer counts as slower", () => {
  const counts = counted(10, 10.2, 20, 40);
  expect(slowerThan(counts, 10)).toBe(2);
  expect(slowerThan(counts, 20)).toBe(1);
  expect(slowerThan(counts, 40)).toBe(0);
});

test("failures are 5xx, and tunnels have no duration", () => {
  const counts = noCounts();
  for (const status of [200, 404, 499, 500, 503]) countRequestOfGroup(counts, status, 1);
  countRequestOfGroup(counts, 101, 3_600_000);
  expect([counts.requests, counts.failed, timedRequests(counts)]).toEqual([6, 2, 5]);
});

test("differences and sums are those of all that is counted", () => {
  const before = counted(5);
  const now = counted(5, 50, 500);
  const since = countsSince(before, now);
  expect([since.requests, slowerThan(since, 10), slowerThan(since, 100)]).toEqual([2, 2, 1]);
  addCounts(since, before);
  expect(since).toEqual(now);
  // Whoever counted has begun anew.
  expect(countsSince(now, before)).toBe(before);
});
