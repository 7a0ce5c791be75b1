/** Takes turns between the healthy targets of one deployment, writers and readers apart. */
import { Turns } from "./turns.ts";
import type { ServiceOptions } from "../../config/options.ts";
import type { Target } from "./target.ts";

export class LoadBalancer {
  readonly targets: readonly Target[];
  /** Healthy or not. */
  readonly hasReaders: boolean;
  readonly #writers = new Turns();
  readonly #readers = new Turns();
  #wasHealthy = false;

  constructor(targets: readonly Target[]) {
    this.targets = targets;
    this.hasReaders = targets.some((target) => target.readOnly);
  }

  /** Whether it balances exactly these targets. */
  isFor(targets: readonly Target[]): boolean {
    return (
      targets.length === this.targets.length &&
      targets.every((target, index) => target === this.targets[index])
    );
  }

  setHealthy(isHealthy: (target: Target) => boolean): void {
    let healthy = this.targets.filter(isHealthy);
    // Taking out the only target would help nobody.
    if (healthy.length === 0 && this.targets.length === 1 && this.#wasHealthy) {
      healthy = [...this.targets];
    }
    this.#wasHealthy ||= healthy.length > 0;
    this.#writers.between(healthy.filter((target) => !target.readOnly));
    this.#readers.between(healthy.filter((target) => target.readOnly));
  }

  set balance(balance: ServiceOptions["balance"]) {
    this.#writers.leastRequests = balance === "least-requests";
    this.#readers.leastRequests = balance === "least-requests";
  }

  /**
   * The target whose turn it is, or undefined when there is no healthy one. Reads go to the writers
   * when no reader is left. Targets in `tried` are passed over, ejected ones only as long as there are others.
   */
  claim(isRead: boolean, tried: readonly Target[] = none): Target | undefined {
    return this.#claim(isRead, tried, false) ?? this.#claim(isRead, tried, true);
  }

  /** Whether it gets requests. */
  takes(target: Target): boolean {
    const { targets } = target.readOnly ? this.#readers : this.#writers;
    return targets.includes(target) && target.ejectedForMs === 0;
  }

  /** Whether others get the requests when this one gets none. */
  hasOther(target: Target): boolean {
    const { targets } = target.readOnly ? this.#readers : this.#writers;
    return targets.some((each) => each !== target && each.ejectedForMs === 0);
  }

  #claim(isRead: boolean, tried: readonly Target[], ejected: boolean): Target | undefined {
    if (isRead && this.hasReaders) {
      const reader = this.#readers.next(tried, ejected);
      if (reader !== undefined) return reader;
    }
    return this.#writers.next(tried, ejected);
  }
}

const none: readonly never[] = [];
