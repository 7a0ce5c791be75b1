/** Tells how many connections were turned away for one reason: of the first at once, of the others summed up in an interval. */
import { turnedAwayReportIntervalMs } from "../../../config/limits.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";

export class TurnedAway {
  readonly #clock: Clock;
  readonly #tell: (connections: number) => void;
  /** Since it was told last. */
  #connections = 0;
  /** Runs while nothing may be told. */
  #timer: Timer | null = null;

  constructor(clock: Clock, tell: (connections: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(): void {
    this.#connections += 1;
    if (this.#timer === null) this.#report();
  }

  /** The first is reported at once, so that nobody has to wait for the reason. */
  #report(): void {
    this.#tell(this.#connections);
    this.#connections = 0;
    this.#timer = this.#clock.after(turnedAwayReportIntervalMs, () => {
      this.#timer = null;
      if (this.#connections > 0) this.#report();
    });
  }
}
