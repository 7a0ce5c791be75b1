/**
 * How many connections each client has, in a memory of fixed size that several processes share: for each client a count
 * of every process, which that one alone writes, so that no count is lost between them. A process begins with
 * none, whatever one before it in its place has left. What two processes write in the same instant may join two
 * clients for as long as they are there.
 */
import { maxWorkers } from "../config/worker-limits.ts";
import { keyedHash, secondHash } from "../lib/keyed-hash.ts";

/** Places that a key may be in. */
const ways = 8;
const bytesPerSlot = Uint32Array.BYTES_PER_ELEMENT + maxWorkers * Uint16Array.BYTES_PER_ELEMENT;

export class ConnectionTable {
  readonly #secret: number;
  readonly #column: number;
  readonly #tags: Uint32Array;
  /** Of a slot those of all processes, one behind the other. */
  readonly #counts: Uint16Array;
  readonly #sets: number;

  /** All who share the memory have the same secret, and each its own column, from 0. */
  constructor(memory: ArrayBuffer, secret: number, column: number) {
    this.#sets = Math.floor(memory.byteLength / bytesPerSlot / ways);
    const slots = this.#sets * ways;
    this.#secret = secret;
    this.#column = column;
    this.#tags = new Uint32Array(memory, 0, slots);
    this.#counts = new Uint16Array(
      memory,
      slots * Uint32Array.BYTES_PER_ELEMENT,
      slots * maxWorkers,
    );
    for (let slot = 0; slot < slots; slot++) this.#counts[slot * maxWorkers + column] = 0;
  }

  /**
   * Counts one more of the key and returns where, for `leave`. "full": the key has `max` already. "no-place": there are too
   * many others; it is not counted.
   */
  enter(key: string, max: number): number | "full" | "no-place" {
    const tag = secondHash(key, this.#secret) || 1;
    const first = (keyedHash(key, this.#secret) % this.#sets) * ways;
    let empty = -1;
    for (let slot = first; slot < first + ways; slot++) {
      if (this.#tags[slot] === tag) {
        return this.#total(slot) >= max ? "full" : this.#take(slot);
      }
      if (empty < 0 && this.#total(slot) === 0) empty = slot;
    }
    if (empty < 0) return "no-place";
    this.#tags[empty] = tag;
    return this.#take(empty);
  }

  leave(place: number): void {
    const index = place * maxWorkers + this.#column;
    if (this.#counts[index]! > 0) this.#counts[index]! -= 1;
  }

  #take(slot: number): number {
    this.#counts[slot * maxWorkers + this.#column]! += 1;
    return slot;
  }

  #total(slot: number): number {
    let total = 0;
    const end = (slot + 1) * maxWorkers;
    for (let i = slot * maxWorkers; i < end; i++) total += this.#counts[i]!;
    return total;
  }
}
