/** How long a timer can wait. */

/** Timers count in signed 32 bits; a longer delay would fire at once. */
const longestDelayMs = 0x7fffffff;

export function timerDelay(delayMs: number): number {
  return Math.min(delayMs, longestDelayMs);
}
