/** Percentiles of what was counted in buckets. */

/** In milliseconds. `aboveMs`: beyond the last bound; null: nothing was counted. */
export type Latency = number | { aboveMs: number } | null;

/** As Prometheus does it: within a bucket requests are taken to be spread evenly. */
export function percentile(
  buckets: readonly number[],
  boundsSeconds: readonly number[],
  share: number,
): Latency {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = total * share;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    const bound = boundsSeconds[index];
    if (bound === undefined) break;
    if (below + count >= rank && count > 0) {
      const floor = index === 0 ? 0 : boundsSeconds[index - 1]!;
      return (floor + ((bound - floor) * (rank - below)) / count) * 1_000;
    }
    below += count;
  }
  return { aboveMs: (boundsSeconds.at(-1) ?? 0) * 1_000 };
}
