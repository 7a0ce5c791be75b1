/**
 * The clock that state machines are given, so that tests can move time by hand. Who waits with it for
 * somebody else may rely on two things: a timer fires only after what had arrived by its moment has been
 * read, and time in which this process did not run (stopped, a snapshot of its machine, a starved
 * processor) is not counted.
 */
import { RunningTime } from "./running-time.ts";

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds; only differences mean something. For durations that are told. */
  now(): number;
  /** The same without the time in which the process did not run. For patience with others. */
  runningMs(): number;
  /** Milliseconds since 1970 with a fraction, as the machine's clock says. */
  wallMs(): number;
  /**
   * Calls once after `delayMs` of running time, however long; the timer keeps the process alive.
   * `readUntilMs` is the running time up to which everything that had arrived has been read: what is
   * compared with a deadline, because `runningMs` may have moved on since.
   */
  after(delayMs: number, callback: (readUntilMs: number) => void): Timer;
}

/** Longer ones would fire at once; 24 days are as good as never for what waits here. */
const maxDelayMs = 2 ** 31 - 1;
/** Timers count whole milliseconds: one that fires by less too early is not armed again. */
const roundingMs = 1;

const runningTime = new RunningTime(() => performance.now());

class SystemTimer implements Timer {
  readonly #dueMs: number;
  readonly #callback: (readUntilMs: number) => void;
  #timeout: ReturnType<typeof setTimeout> | null = null;
  #cancelled = false;

  constructor(delayMs: number, callback: (readUntilMs: number) => void) {
    this.#dueMs = runningTime.now() + delayMs;
    this.#callback = callback;
    this.#arm(delayMs);
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#timeout !== null) clearTimeout(this.#timeout);
  }

  #arm(delayMs: number): void {
    this.#timeout = setTimeout(this.#onTimeout, Math.min(delayMs, maxDelayMs));
  }

  readonly #onTimeout = (): void => {
    this.#timeout = null;
    const nowMs = runningTime.now();
    const restMs = this.#dueMs - nowMs;
    // What is due in more than 24 days, or has lost time, waits for the rest.
    if (restMs > roundingMs) {
      this.#arm(restMs);
      return;
    }
    // Bun runs timers before it reads sockets when the process goes on after a stop. Between one immediate
    // and the next stands one look at all of them; measured with 3,000 sockets that had bytes waiting.
    setImmediate(() =>
      setImmediate(() => {
        if (!this.#cancelled) this.#callback(nowMs);
      }),
    );
  };
}

export const systemClock: Clock = {
  now: () => performance.now(),
  runningMs: () => runningTime.now(),
  wallMs: preciseWallMs,
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
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
