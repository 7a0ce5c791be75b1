/**
 * Counts by key, in a memory of fixed size that several processes may share: a token bucket for each key, kept
 * as the one moment at which it is full again (GCRA). A key whose bucket is full needs no place, so that the
 * table has to hold only those that were active just now; when it has no place, the key that is next to be full
 * goes, never one that is over its limit while there is another. What two processes write in the same
 * instant may lose one count.
 */
import type { Rate } from "../config/rate.ts";
import { keyedHash, secondHash } from "../lib/keyed-hash.ts";

/** Places that a key may be in. */
const ways = 8;
const bytesPerSlot = 12;

export class RateTable {
  readonly #secret: number;
  /** Milliseconds since 1970. */
  readonly #fullAt: Float64Array;
  readonly #tags: Uint32Array;
  readonly #sets: number;

  /** All who share the memory have the same secret. */
  constructor(memory: ArrayBuffer, secret: number) {
    this.#sets = Math.floor(memory.byteLength / bytesPerSlot / ways);
    const slots = this.#sets * ways;
    this.#secret = secret;
    this.#fullAt = new Float64Array(memory, 0, slots);
    this.#tags = new Uint32Array(memory, slots * Float64Array.BYTES_PER_ELEMENT, slots);
  }

  /**
   * What is left of the burst, 0 or more, when there was room for one more; else nothing is counted, and the
   * time until there is room is below zero.
   */
  take(key: string, rate: Rate, nowMs: number): number {
    const slot = this.#slotOf(key);
    this.#forgetExcess(slot, rate, nowMs);
    const backlogMs = this.#backlogMs(slot, rate, nowMs) + rate.intervalMs;
    const roomMs = rate.burst * rate.intervalMs - backlogMs;
    // Sums of fractions of milliseconds are a little off.
    if (roomMs < -roundingMs) return roomMs;
    this.#fullAt[slot] = nowMs + backlogMs;
    return Math.floor((roomMs + roundingMs) / rate.intervalMs);
  }

  /** Without taking anything. */
  left(key: string, rate: Rate, nowMs: number): number {
    const roomMs = rate.burst * rate.intervalMs - this.#backlogMs(this.#slotOf(key), rate, nowMs);
    return Math.max(0, Math.floor((roomMs + roundingMs) / rate.intervalMs));
  }

  /** What was taken does not count. */
  giveBack(key: string, rate: Rate): void {
    this.#fullAt[this.#slotOf(key)]! -= rate.intervalMs;
  }

  /**
   * More than a whole burst was never allowed: the limit was another one, or the machine's clock was set back.
   * From now on it goes by as a burst does.
   */
  #forgetExcess(slot: number, { burst, intervalMs }: Rate, nowMs: number): void {
    const fullAtMost = nowMs + burst * intervalMs;
    if (this.#fullAt[slot]! > fullAtMost) this.#fullAt[slot] = fullAtMost;
  }

  #backlogMs(slot: number, { burst, intervalMs }: Rate, nowMs: number): number {
    return Math.min(Math.max(0, this.#fullAt[slot]! - nowMs), burst * intervalMs);
  }

  #slotOf(key: string): number {
    const tag = secondHash(key, this.#secret) || 1;
    const first = (keyedHash(key, this.#secret) % this.#sets) * ways;
    let oldest = first;
    for (let slot = first; slot < first + ways; slot++) {
      if (this.#tags[slot] === tag) return slot;
      if (this.#fullAt[slot]! < this.#fullAt[oldest]!) oldest = slot;
    }
    this.#tags[oldest] = tag;
    this.#fullAt[oldest] = 0;
    return oldest;
  }
}

const roundingMs = 1e-3;
