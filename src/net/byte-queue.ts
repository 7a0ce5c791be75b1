/** Received bytes that wait to be read: appended at the end, consumed from the front. */
import { releaseReceived } from "./received-buffer.ts";

export class ByteQueue {
  #bytes: Buffer = empty;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Bytes of memory that they take. */
  get memoryBytes(): number {
    return this.#bytes.length;
  }

  /** The waiting bytes without a copy; their memory is never written again. */
  view(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /**
   * Adds what is left of a received buffer from `start` on. True when the buffer itself is kept: its memory
   * must not change afterwards. A small rest is copied, so that it does not hold the whole buffer.
   */
  keep(received: Buffer, start: number): boolean {
    const length = received.length - start;
    if (this.length > 0 || 2 * length < received.length) {
      this.append(start === 0 ? received : received.subarray(start));
      return false;
    }
    this.#bytes = received;
    this.#start = start;
    this.#end = received.length;
    return true;
  }

  /**
   * Copies the bytes in. Growth doubles, so that a dribbled head costs no more than its size. `isFree`: nobody has
   * kept parts of what waits, whose memory is given back at once when it moves.
   */
  append(bytes: Uint8Array, isFree = false): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length, isFree);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  consume(count: number): void {
    this.#consume(count, false);
  }

  /** As `consume`, for who has handed on copies only: the memory of an empty queue is given back at once. */
  release(count: number): void {
    this.#consume(count, true);
  }

  #consume(count: number, isFree: boolean): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    // An idle connection keeps no buffer.
    if (isFree) releaseReceived(this.#bytes);
    this.#bytes = empty;
  }

  #makeRoom(count: number, isFree: boolean): void {
    const length = this.length;
    const needed = length + count;
    // Never moved in place: readers may have kept parts of the old buffer.
    const target = Buffer.allocUnsafe(needed + Math.min(needed, maxSpareBytes));
    this.#bytes.copy(target, 0, this.#start, this.#end);
    if (isFree) releaseReceived(this.#bytes);
    this.#bytes = target;
    this.#start = 0;
    this.#end = length;
  }
}

const empty = Buffer.alloc(0);
/** Room for what comes next, which may never come. */
const maxSpareBytes = 64 * 1024;
