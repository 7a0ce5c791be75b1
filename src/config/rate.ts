/** How often something may happen: `20/s`, `100/m`, `1000/h`. */

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const pattern = /^([1-9]\d{0,6})\/([smh])$/;

export interface Rate {
  /** What is allowed at once, after a time without any. */
  burst: number;
  /** The time in which one more is allowed. */
  intervalMs: number;
}

/** Without a burst it is the number of the rate. Null when the text is no rate. */
export function parseRate(text: string, burst: number): Rate | null {
  const [, count, unit] = pattern.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  return { burst: burst || Number(count), intervalMs: units[unit]! / Number(count) };
}
