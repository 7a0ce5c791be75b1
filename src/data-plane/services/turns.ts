/** Whose turn it is among targets: one after the other, by weight, or the one with the fewest requests. */
import type { Target } from "./target.ts";

export class Turns {
  leastRequests = false;
  #targets: readonly Target[] = [];
  /** Survives a change of targets. The first turn is that of the second target, as in kamal-proxy. */
  #index = 0;
  #isWeighted = false;
  /** Turns that are due to each target; what one has got too much is below 0. */
  readonly #credit = new Map<Target, number>();

  get targets(): readonly Target[] {
    return this.#targets;
  }

  between(targets: readonly Target[]): void {
    this.#targets = targets;
    this.#isWeighted = targets.some(({ weight }) => weight !== targets[0]!.weight);
    for (const target of this.#credit.keys()) {
      if (!targets.includes(target)) this.#credit.delete(target);
    }
  }

  /** `ejected`: those may have it as well. */
  next(tried: readonly Target[], ejected: boolean): Target | undefined {
    if (this.leastRequests) return this.#leastLoaded(tried, ejected);
    if (this.#isWeighted) return this.#byWeight(tried, ejected);
    const { length } = this.#targets;
    for (let i = 0; i < length; i++) {
      this.#index = (this.#index + 1) % length;
      const target = this.#targets[this.#index]!;
      if (isOpen(target, tried, ejected)) return target;
    }
    return undefined;
  }

  /** Of equals the one whose turn it is. */
  #leastLoaded(tried: readonly Target[], ejected: boolean): Target | undefined {
    const { length } = this.#targets;
    let found: Target | undefined;
    let least = Infinity;
    for (let i = 1; i <= length; i++) {
      const target = this.#targets[(this.#index + i) % length]!;
      if (!isOpen(target, tried, ejected)) continue;
      const load = (target.inFlight.count + 1) / target.weight;
      if (load < least) {
        found = target;
        least = load;
      }
    }
    if (found !== undefined) this.#index = this.#targets.indexOf(found);
    return found;
  }

  /** Smooth weighted round robin, as in nginx: 3 and 1 are a a b a, not a a a b. */
  #byWeight(tried: readonly Target[], ejected: boolean): Target | undefined {
    let found: Target | undefined;
    let most = -Infinity;
    let total = 0;
    for (const target of this.#targets) {
      if (!isOpen(target, tried, ejected)) continue;
      const credit = (this.#credit.get(target) ?? 0) + target.weight;
      this.#credit.set(target, credit);
      total += target.weight;
      if (credit > most) {
        found = target;
        most = credit;
      }
    }
    if (found !== undefined) this.#credit.set(found, most - total);
    return found;
  }
}

function isOpen(target: Target, tried: readonly Target[], ejected: boolean): boolean {
  if (tried.length > 0 && tried.includes(target)) return false;
  return ejected || target.ejectedForMs === 0;
}
