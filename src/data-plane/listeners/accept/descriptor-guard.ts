/** Turns connections away while file descriptors run out, and says so, at most once in an interval. */
import { turnedAwayReportIntervalMs } from "../../../config/limits.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import { descriptorCeiling, openFileLimit } from "../../../net/descriptor-ceiling.ts";
import type { Logger } from "../../../lib/logger.ts";

/** One for all listeners: they share the limit. */
export class DescriptorGuard {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limit: number;
  readonly #ceiling: number;
  /** Turned away since the last report. */
  #turnedAway = 0;
  /** Runs while nothing may be reported. */
  #timer: Timer | null = null;

  constructor(clock: Clock, logger: Logger, limit: number = openFileLimit()) {
    this.#clock = clock;
    this.#logger = logger;
    this.#limit = limit;
    this.#ceiling = descriptorCeiling(limit);
  }

  /** Whether a new connection with this descriptor may stay. */
  admits(descriptor: number): boolean {
    if (descriptor < this.#ceiling) return true;
    this.#turnedAway += 1;
    if (this.#timer === null) this.#report();
    return false;
  }

  /** The first is reported at once, so that nobody has to wait for the reason. */
  #report(): void {
    this.#logger.warn("Too many open files: connections turned away; raise the limit (ulimit -n)", {
      connections: this.#turnedAway,
      limit: this.#limit,
    });
    this.#turnedAway = 0;
    this.#timer = this.#clock.after(turnedAwayReportIntervalMs, () => {
      this.#timer = null;
      if (this.#turnedAway > 0) this.#report();
    });
  }
}
