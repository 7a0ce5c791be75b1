/**
 * A count of the memory that bytes take which wait somewhere, and a limit for all of them together. What is
 * counted in a part of a budget counts in the whole as well.
 */
export class MemoryBudget {
  #limitBytes: number;
  readonly #whole: MemoryBudget | null;
  #usedBytes = 0;

  constructor(limitBytes: number, whole: MemoryBudget | null = null) {
    this.#limitBytes = limitBytes;
    this.#whole = whole;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whoever can hold its source back, or keep its bytes elsewhere, should do so. */
  get exhausted(): boolean {
    return this.#usedBytes >= this.#limitBytes || this.#whole?.exhausted === true;
  }

  /** Whether so much is left. */
  fits(bytes: number): boolean {
    return (
      this.#usedBytes + bytes <= this.#limitBytes &&
      (this.#whole === null || this.#whole.fits(bytes))
    );
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** What is there already stays, even if it is more. */
  limitTo(limitBytes: number): void {
    this.#limitBytes = limitBytes;
  }

  /** Counts them, whether they fit or not: what has been received has to be somewhere. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
    this.#whole?.add(bytes);
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#whole?.release(bytes);
  }
}
