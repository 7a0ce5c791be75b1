/** An allowance that is spent, earned back by work, and comes back with time; the measure of a flood. */

export interface CreditRates {
  /** What there is at first, and at most. */
  burst: number;
  perSecond: number;
}

export class Credit {
  readonly #rates: CreditRates;
  #left: number;
  #countedMs: number;

  constructor(rates: CreditRates, nowMs: number) {
    this.#rates = rates;
    this.#left = rates.burst;
    this.#countedMs = nowMs;
  }

  /** False when there is not so much. */
  spend(units: number, nowMs: number): boolean {
    if (this.#left < units) {
      this.earn(((nowMs - this.#countedMs) * this.#rates.perSecond) / 1_000);
      this.#countedMs = nowMs;
      if (this.#left < units) return false;
    }
    this.#left -= units;
    return true;
  }

  earn(units: number): void {
    this.#left = Math.min(this.#rates.burst, this.#left + units);
  }
}
