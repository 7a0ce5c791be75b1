/** From figures to lines of a drawing. Pure. */

/** The smallest of 1, 2, 4, 6, 8 times a power of ten that is no less than the value and the least. */
export function niceMaximum(value: number, least: number): number {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 4, 6, 8, 10].find((each) => each * power >= wanted * (1 - 1e-9)) ?? 10;
  return step * power;
}

export interface Bin {
  /** The middle of its time. */
  atMs: number;
  value: number | null;
}

export interface BinRange {
  fromMs: number;
  toMs: number;
  /** Bins begin at whole multiples of it, so that they keep what they hold while time goes on. */
  stepMs: number;
}

/** One value for each step: the mean of what was measured in it, or the highest. */
export function bins(
  at: readonly number[],
  values: readonly (number | null)[],
  { fromMs, toMs, stepMs }: BinRange,
  kind: "mean" | "highest",
): Bin[] {
  const first = Math.floor(fromMs / stepMs);
  const count = Math.floor(toMs / stepMs) - first + 1;
  const sums = new Float64Array(count);
  const counts = new Uint32Array(count);
  for (let i = at.length - 1; i >= 0 && at[i]! >= first * stepMs; i--) {
    const value = values[i];
    const bin = Math.floor(at[i]! / stepMs) - first;
    if (value === null || value === undefined || bin >= count) continue;
    sums[bin] = kind === "mean" ? sums[bin]! + value : Math.max(sums[bin]!, value);
    counts[bin]!++;
  }
  return Array.from(sums, (sum, bin) => {
    const measured = counts[bin]!;
    const value = measured === 0 ? null : kind === "mean" ? sum / measured : sum;
    return { atMs: (first + bin + 0.5) * stepMs, value };
  });
}

export interface DrawnPoint {
  x: number;
  y: number;
}

/** Lines through the places, broken where one is missing for longer than `bridge` places. */
export function linePath(places: readonly (DrawnPoint | null)[], bridge: number): string {
  return runs(places, bridge).map(lineThrough).join("");
}

/** The same, and down to the floor. */
export function areaPath(
  places: readonly (DrawnPoint | null)[],
  floor: number,
  bridge: number,
): string {
  return runs(places, bridge)
    .map(
      (run) => `${lineThrough(run)}L${short(run.at(-1)!.x)} ${floor}L${short(run[0]!.x)} ${floor}Z`,
    )
    .join("");
}

function runs(places: readonly (DrawnPoint | null)[], bridge: number): DrawnPoint[][] {
  const found: DrawnPoint[][] = [];
  let missing = Number.POSITIVE_INFINITY;
  for (const place of places) {
    if (place === null) {
      missing++;
      continue;
    }
    if (missing > bridge) found.push([]);
    found.at(-1)!.push(place);
    missing = 0;
  }
  return found;
}

function lineThrough(places: readonly DrawnPoint[]): string {
  const text = places
    .map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${short(x)} ${short(y)}`)
    .join("");
  // A single point is a dot of the line's width.
  return places.length === 1 ? `${text}h0.1` : text;
}

function short(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Round times for labels, at most so many. */
export function timeTicks(fromMs: number, toMs: number, most: number): number[] {
  const minute = 60_000;
  const steps = [1, 2, 5, 10, 15, 20, 30, 60].map((minutes) => minutes * minute);
  const step = steps.find((each) => (toMs - fromMs) / each <= most) ?? 60 * minute;
  const ticks: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push(at);
  return ticks;
}
