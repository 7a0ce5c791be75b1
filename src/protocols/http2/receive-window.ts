/**
 * How much a peer may send (RFC 9113 5.2): what was taken is given back in steps, and the window grows
 * while the bytes are taken as fast as they come, so that a long path is filled and a slow reader costs little.
 */

export interface WindowGrowth {
  maxBytes: number;
  /** Half a window in less time says that the path could carry more. */
  withinMs: number;
}

export class ReceiveWindow {
  #sizeBytes: number;
  #leftBytes: number;
  /** Taken, and not given back yet. */
  #takenBytes = 0;
  #givenBackMs: number;

  constructor(sizeBytes: number, nowMs: number) {
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
    this.#givenBackMs = nowMs;
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
  take(bytes: number, nowMs: number, growth: WindowGrowth | null): number {
    this.#takenBytes += bytes;
    if (this.#takenBytes * 2 < this.#sizeBytes) return 0;
    let increment = this.#takenBytes;
    const isFast = growth !== null && nowMs - this.#givenBackMs <= growth.withinMs;
    if (isFast && this.#sizeBytes < growth.maxBytes) {
      const grown = Math.min(growth.maxBytes, this.#sizeBytes * 2);
      increment += grown - this.#sizeBytes;
      this.#sizeBytes = grown;
    }
    this.#givenBackMs = nowMs;
    this.#takenBytes = 0;
    this.#leftBytes += increment;
    return increment;
  }
}
