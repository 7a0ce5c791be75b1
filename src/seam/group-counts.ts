/**
 * What the two groups of a rollout have served, fine enough to compare their latencies: the buckets of the
 * metrics are so wide that a millisecond more may look like twice as much. Pure.
 */

export interface GroupCounts {
  requests: number;
  /** Of them, answered with 5xx. */
  failed: number;
  /** Requests by their duration, each bucket alone. Tunnels have none: they last as long as they are wanted. */
  durations: number[];
}

/** The targets of the rollout, and the active ones beside them. */
export interface RolloutCounts {
  rollout: GroupCounts;
  active: GroupCounts;
}

const smallestMs = 0.125;
/** Each bucket ends 9 % above the one below it. */
const bucketsPerOctave = 8;
/** Up to 131 s; the last bucket has all above. */
const bucketCount = 20 * bucketsPerOctave + 1;

export function noCounts(): GroupCounts {
  return { requests: 0, failed: 0, durations: Array.from({ length: bucketCount }, () => 0) };
}

export function countRequestOfGroup(counts: GroupCounts, status: number, durationMs: number): void {
  counts.requests++;
  if (status >= 500) counts.failed++;
  if (status !== 101) counts.durations[durationBucket(durationMs)]!++;
}

export function addCounts(sum: GroupCounts, more: GroupCounts): void {
  sum.requests += more.requests;
  sum.failed += more.failed;
  for (const [index, count] of more.durations.entries()) {
    sum.durations[index] = (sum.durations[index] ?? 0) + count;
  }
}

/** What was counted since then. Counters that began anew meanwhile are taken as they are. */
export function countsSince(before: GroupCounts, now: GroupCounts): GroupCounts {
  if (now.requests < before.requests) return now;
  return {
    requests: now.requests - before.requests,
    failed: Math.max(0, now.failed - before.failed),
    durations: now.durations.map((count, index) =>
      Math.max(0, count - (before.durations[index] ?? 0)),
    ),
  };
}

/** The duration that this share of the requests did not exceed, rounded up by 9 % at most; null: there are none. */
export function durationAt(counts: GroupCounts, share: number): number | null {
  const total = timedRequests(counts);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * share));
  for (const [index, count] of counts.durations.entries()) {
    left -= count;
    if (left <= 0) return upperBoundMs(index);
  }
  return upperBoundMs(bucketCount - 1);
}

/** Requests that certainly took longer than that. */
export function slowerThan(counts: GroupCounts, durationMs: number): number {
  let slower = 0;
  for (let index = durationBucket(durationMs) + 1; index < counts.durations.length; index++) {
    slower += counts.durations[index]!;
  }
  return slower;
}

export function timedRequests({ durations }: GroupCounts): number {
  return durations.reduce((sum, count) => sum + count, 0);
}

/** The first bucket ends at `smallestMs`, and each includes its upper bound. */
function durationBucket(durationMs: number): number {
  if (!(durationMs > smallestMs)) return 0;
  const index = Math.ceil(Math.log2(durationMs / smallestMs) * bucketsPerOctave - 1e-9);
  return Math.min(index, bucketCount - 1);
}

function upperBoundMs(bucket: number): number {
  return smallestMs * 2 ** (bucket / bucketsPerOctave);
}
