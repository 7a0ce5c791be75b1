/**
 * Counts by key, in a memory of fixed size that several processes may share: a token bucket for each key, kept
 * as the one moment at which it is full again (GCRA). A key whose bucket is full needs no place, so that the
 * table has to hold only those that were active just now. When it has no place, one goes of the group that has
 * the most places there, the one that is next to be full: never one that is over its limit while there is
 * another of its group, and none of another group because of how many there are of this one. What two
 * processes write in the same instant may lose one count.
 */
import type { Rate } from "../config/rate.ts";
import { keyedHash, secondHash } from "../lib/keyed-hash.ts";

/** Places that a key may be in. */
const ways = 8;
export const rateSlotBytes = 13;
const maxGroups = 256;

/** Who is counted, among all that are counted together and by one rate, such as the clients of a service. */
export interface RateKey {
  /** By `RateTable.group`. */
  readonly group: number;
  readonly text: string;
}

export class RateTable {
  readonly #secret: number;
  /** Milliseconds since 1970. */
  readonly #fullAt: Float64Array;
  readonly #tags: Uint32Array;
  readonly #groups: Uint8Array;
  readonly #sets: number;

  /** All who share the memory have the same secret. */
  constructor(memory: ArrayBuffer, secret: number) {
    this.#sets = Math.floor(memory.byteLength / rateSlotBytes / ways);
    const slots = this.#sets * ways;
    this.#secret = secret;
    this.#fullAt = new Float64Array(memory, 0, slots);
    this.#tags = new Uint32Array(memory, slots * 8, slots);
    this.#groups = new Uint8Array(memory, slots * 12, slots);
  }

  /** The same in all processes. Two of many names may fall together, and then make room for each other. */
  group(name: string): number {
    return keyedHash(name, this.#secret) % maxGroups;
  }

  /**
   * What is left of the burst, 0 or more, when there was room for one more; else nothing is counted, and the
   * time until there is room is below zero.
   */
  take(key: RateKey, rate: Rate, nowMs: number): number {
    const slot = this.#slotOf(key, nowMs);
    this.#forgetExcess(slot, rate, nowMs);
    const backlogMs = this.#backlogMs(slot, rate, nowMs) + rate.intervalMs;
    const roomMs = rate.burst * rate.intervalMs - backlogMs;
    // Sums of fractions of milliseconds are a little off.
    if (roomMs < -roundingMs) return roomMs;
    this.#fullAt[slot] = nowMs + backlogMs;
    return Math.floor((roomMs + roundingMs) / rate.intervalMs);
  }

  /** Without taking anything. */
  left(key: RateKey, rate: Rate, nowMs: number): number {
    const slot = this.#find(this.#firstOf(key.text), this.#tagOf(key.text));
    if (slot < 0) return rate.burst;
    const roomMs = rate.burst * rate.intervalMs - this.#backlogMs(slot, rate, nowMs);
    return Math.max(0, Math.floor((roomMs + roundingMs) / rate.intervalMs));
  }

  /** What was taken does not count. */
  giveBack(key: RateKey, rate: Rate): void {
    const slot = this.#find(this.#firstOf(key.text), this.#tagOf(key.text));
    if (slot >= 0) this.#fullAt[slot]! -= rate.intervalMs;
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

  #slotOf({ text, group }: RateKey, nowMs: number): number {
    const tag = this.#tagOf(text);
    const first = this.#firstOf(text);
    const found = this.#find(first, tag);
    if (found >= 0) return found;
    const slot = this.#slotToLeave(first, group, nowMs);
    this.#tags[slot] = tag;
    this.#groups[slot] = group;
    this.#fullAt[slot] = 0;
    return slot;
  }

  /** -1: it is not there. */
  #find(first: number, tag: number): number {
    for (let slot = first; slot < first + ways; slot++) if (this.#tags[slot] === tag) return slot;
    return -1;
  }

  /** Of the places from `first` on the one that a new key of the group gets. */
  #slotToLeave(first: number, group: number, nowMs: number): number {
    let chosen = this.#nextFull(first, -1);
    if (this.#fullAt[chosen]! <= nowMs) return chosen;
    let largest = this.#sizeOf(first, group);
    chosen = largest === 0 ? chosen : this.#nextFull(first, group);
    for (let slot = first; slot < first + ways; slot++) {
      const size = this.#sizeOf(first, this.#groups[slot]!);
      if (size <= largest) continue;
      largest = size;
      chosen = this.#nextFull(first, this.#groups[slot]!);
    }
    return chosen;
  }

  /** Of those of a group, or of all with -1. */
  #nextFull(first: number, group: number): number {
    let next = -1;
    for (let slot = first; slot < first + ways; slot++) {
      if (group >= 0 && this.#groups[slot] !== group) continue;
      if (next < 0 || this.#fullAt[slot]! < this.#fullAt[next]!) next = slot;
    }
    return next;
  }

  #sizeOf(first: number, group: number): number {
    let size = 0;
    for (let slot = first; slot < first + ways; slot++) if (this.#groups[slot] === group) size++;
    return size;
  }

  #tagOf(text: string): number {
    return secondHash(text, this.#secret) || 1;
  }

  #firstOf(text: string): number {
    return (keyedHash(text, this.#secret) % this.#sets) * ways;
  }
}

const roundingMs = 1e-3;
