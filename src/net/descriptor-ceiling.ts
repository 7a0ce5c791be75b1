/** The file descriptor from which on new connections are turned away, so that some are left for other work. */
import { readFileSync } from "node:fs";

const maxReserved = 256;

/**
 * The system gives the lowest free number to each new socket, so its number alone tells how many are in use.
 * What is kept back is needed to reach apps, to write state and to take commands; and a listener that can't
 * accept at all keeps the event loop busy for nothing.
 */
export function descriptorCeiling(limit: number = openFileLimit()): number {
  if (limit === Number.POSITIVE_INFINITY) return limit;
  return limit - Math.min(maxReserved, Math.ceil(limit / 4));
}

/** Infinity where there is no limit or no way to know it. */
export function openFileLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
