/** A count of the memory that bytes take which wait somewhere, and a limit for all of them together. */
export class MemoryBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whoever can hold its source back, or keep its bytes elsewhere, should do so. */
  get exhausted(): boolean {
    return this.#usedBytes >= this.#limitBytes;
  }

  /** Whether so much is left. */
  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#limitBytes;
  }

  /** Counts them, whether they fit or not: what has been received has to be somewhere. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
