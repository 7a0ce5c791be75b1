/**
 * How much a peer may send (RFC 9113 5.2): what was taken is given back in steps. The window grows while the
 * bytes are taken as fast as they come, so that a long path is filled, and shrinks while most of it waits, so that
 * a slow reader costs little.
 */

export interface WindowGrowth {
  maxBytes: number;
  /** A window of more shrinks, half of it at a time, down to this or to what its reader takes in `slowMs`. */
  slowBytes: number;
  slowMs: number;
  /** Half a window in less time says that the path could carry more. */
  withinMs: number;
}

/** Counts what windows have beyond their first size, of many of them together. */
export interface WindowBudget {
  readonly exhausted: boolean;
  add(bytes: number): void;
  release(bytes: number): void;
}

/**
 * What is given back at once of a large window. What was taken and not given back is missing on a long path: of
 * a half, each round trip could carry no more than that.
 */
const largeStepBytes = 32_768;
/** Faster than TCP (RFC 9293 3.8.1), which grows beside it and should be what limits. */
const growthFactor = 4;

export class ReceiveWindow {
  readonly #budget: WindowBudget | null;
  #sizeBytes: number;
  #leftBytes: number;
  /** Counted in the budget. */
  #grownBytes = 0;
  /** By so much it is too large: bytes that are taken and not given back. */
  #surplusBytes = 0;
  /** Taken, and not given back yet. */
  #takenBytes = 0;
  /** Taken since the window was looked at for growth, and when that was. */
  #measuredBytes = 0;
  #measuredSinceMs: number;

  /** What it grows by is counted in the budget, if there is one; it does not while that is exhausted. */
  constructor(sizeBytes: number, nowMs: number, budget: WindowBudget | null = null) {
    this.#budget = budget;
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
    this.#measuredSinceMs = nowMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes that came; false when they were not allowed. */
  receive(bytes: number): boolean {
    this.#leftBytes -= bytes;
    return this.#leftBytes >= 0;
  }

  /** Makes it as large as that, if it is not; returns by how much to open it. */
  grow(sizeBytes: number): number {
    const increment = Math.max(0, sizeBytes - this.#sizeBytes);
    this.#sizeBytes += increment;
    this.#leftBytes += increment;
    return increment;
  }

  /** Bytes that somebody has taken; returns by how much to open the window now, often 0. */
  take(bytes: number, nowMs: number, growth: WindowGrowth): number {
    this.#measuredBytes += bytes;
    const surplus = Math.min(bytes, this.#surplusBytes);
    if (surplus > 0) this.#shrink(surplus);
    return this.#giveBack(bytes - surplus, nowMs, growth);
  }

  /**
   * As `take`, of a window that opens for others than were taken: for some before, so that it grows by the bytes
   * that somebody has taken only.
   */
  settle(takenBytes: number, openedBytes: number, nowMs: number, growth: WindowGrowth): number {
    this.#measuredBytes += takenBytes;
    return this.#giveBack(openedBytes, nowMs, growth);
  }

  /** Nobody sends into it any more. */
  close(): void {
    this.#budget?.release(this.#grownBytes);
    this.#grownBytes = 0;
  }

  #giveBack(bytes: number, nowMs: number, growth: WindowGrowth): number {
    this.#takenBytes += bytes;
    const grown = this.#measuredBytes * 2 < this.#sizeBytes ? 0 : this.#growth(nowMs, growth);
    const stepBytes = Math.min(this.#sizeBytes / 2, Math.max(this.#sizeBytes / 8, largeStepBytes));
    if (grown === 0 && this.#takenBytes < stepBytes) return 0;
    const increment = this.#takenBytes + grown;
    this.#sizeBytes += grown;
    this.#leftBytes += increment;
    this.#takenBytes = 0;
    return increment;
  }

  #shrink(bytes: number): void {
    this.#surplusBytes -= bytes;
    this.#sizeBytes -= bytes;
    const counted = Math.min(bytes, this.#grownBytes);
    this.#grownBytes -= counted;
    this.#budget?.release(counted);
  }

  /** By how much it is to grow, now that half of it was taken. */
  #growth(nowMs: number, growth: WindowGrowth): number {
    const tookMs = nowMs - this.#measuredSinceMs;
    const waitingBytes = this.#sizeBytes - this.#leftBytes - this.#takenBytes;
    const neededBytes = (this.#measuredBytes / tookMs) * growth.slowMs;
    this.#measuredBytes = 0;
    this.#measuredSinceMs = nowMs;
    // While much waits here, it is the reader that limits, and not the path.
    if (waitingBytes * 4 > this.#sizeBytes) {
      const least = Math.ceil(Math.max(growth.slowBytes, neededBytes, this.#sizeBytes / 2));
      if (waitingBytes * 2 > this.#sizeBytes)
        this.#surplusBytes = Math.max(0, this.#sizeBytes - least);
      return 0;
    }
    this.#surplusBytes = 0;
    if (tookMs > growth.withinMs || this.#budget?.exhausted === true) return 0;
    const most = this.#sizeBytes * (growthFactor - 1);
    const grown = Math.max(0, Math.min(growth.maxBytes - this.#sizeBytes, most));
    this.#grownBytes += grown;
    this.#budget?.add(grown);
    return grown;
  }
}
