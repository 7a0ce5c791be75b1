/** Turns connections away while file descriptors run out, and says so, at most once in an interval. */
import type { Clock } from "../../../lib/clock.ts";
import { descriptorCeiling, openFileLimit } from "../../../net/descriptor-ceiling.ts";
import type { Logger } from "../../../lib/logger.ts";
import { TurnedAway } from "./turned-away.ts";

/** One for all listeners: they share the limit. */
export class DescriptorGuard {
  readonly #ceiling: number;
  readonly #turnedAway: TurnedAway;

  constructor(clock: Clock, logger: Logger, limit: number = openFileLimit()) {
    this.#ceiling = descriptorCeiling(limit);
    this.#turnedAway = new TurnedAway(clock, (connections) => {
      logger.warn("Too many open files: connections turned away; raise the limit (ulimit -n)", {
        connections,
        limit,
      });
    });
  }

  /** Whether a new connection with this descriptor may stay. */
  admits(descriptor: number): boolean {
    if (descriptor < this.#ceiling) return true;
    this.#turnedAway.add();
    return false;
  }
}
