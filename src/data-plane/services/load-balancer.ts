/** Takes turns between the healthy targets of one deployment, writers and readers apart. */
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

  /**
   * The target whose turn it is, or undefined when there is no healthy one. Reads go to the writers
   * when no reader is left. Targets in `tried` are passed over.
   */
  claim(isRead: boolean, tried: readonly Target[] = none): Target | undefined {
    if (isRead) {
      const reader = this.#readers.next(tried);
      if (reader !== undefined) return reader;
    }
    return this.#writers.next(tried);
  }
}

const none: readonly never[] = [];

class Turns {
  #targets: readonly Target[] = [];
  /** Survives a change of targets. The first turn is that of the second target, as in kamal-proxy. */
  #index = 0;

  between(targets: readonly Target[]): void {
    this.#targets = targets;
  }

  next(tried: readonly Target[]): Target | undefined {
    const { length } = this.#targets;
    for (let i = 0; i < length; i++) {
      this.#index = (this.#index + 1) % length;
      const target = this.#targets[this.#index]!;
      if (tried.length === 0 || !tried.includes(target)) return target;
    }
    return undefined;
  }
}
