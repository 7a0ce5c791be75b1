/**
 * How much a peer may send (RFC 9113 5.2): what was taken is given back in steps, and the window grows
 * while the bytes are taken as fast as they come, so that a long path is filled and a slow reader costs little.
 */

export interface WindowGrowth {
  maxBytes: number;
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
    this.#takenBytes += bytes;
    this.#measuredBytes += bytes;
    const grown = this.#measuredBytes * 2 < this.#sizeBytes ? 0 : this.#growth(nowMs, growth);
    const stepBytes = Math.min(this.#sizeBytes / 2, Math.max(this.#sizeBytes / 8, largeStepBytes));
    if (grown === 0 && this.#takenBytes < stepBytes) return 0;
    const increment = this.#takenBytes + grown;
    this.#sizeBytes += grown;
    this.#leftBytes += increment;
    this.#takenBytes = 0;
    return increment;
  }

  /** Nobody sends into it any more. */
  close(): void {
    this.#budget?.release(this.#grownBytes);
    this.#grownBytes = 0;
  }

  /** By how much it is to grow, now that half of it was taken. */
  #growth(nowMs: number, { maxBytes, withinMs }: WindowGrowth): number {
    const isFast = nowMs - this.#measuredSinceMs <= withinMs;
    // While much waits here, it is the reader that limits, and not the path.
    const waitingBytes = this.#sizeBytes - this.#leftBytes - this.#takenBytes;
    this.#measuredBytes = 0;
    this.#measuredSinceMs = nowMs;
    const most = this.#sizeBytes * (growthFactor - 1);
    if (!isFast || waitingBytes * 4 > this.#sizeBytes || this.#budget?.exhausted === true) return 0;
    const grown = Math.max(0, Math.min(maxBytes - this.#sizeBytes, most));
    this.#grownBytes += grown;
    this.#budget?.add(grown);
    return grown;
  }
}
