/** The clock that state machines are given, so that tests can move time by hand. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  now(): number;
  /** Milliseconds since 1970 with a fraction, as the machine's clock says. */
  wallMs(): number;
  /** Calls once after `delayMs`, however long; the timer keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Longer ones would fire at once; 24 days are as good as never for what waits here. */
const maxDelayMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: preciseWallMs,
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, maxDelayMs));
    return { cancel: () => clearTimeout(timer) };
  },
};

let wallOffsetMs = Date.now() - performance.now();

/** `Date.now` with the fraction that the monotonic clock adds; follows when the machine's clock is set. */
function preciseWallMs(): number {
  const wholeMs = Date.now();
  const monotonicMs = performance.now();
  const preciseMs = wallOffsetMs + monotonicMs;
  if (preciseMs >= wholeMs && preciseMs < wholeMs + 1) return preciseMs;
  wallOffsetMs = wholeMs - monotonicMs;
  return wholeMs;
}
