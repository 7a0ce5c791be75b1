/**
 * Bytes that are kept until somebody takes them: appended at the end, consumed from the front. They are
 * copied into blocks, so that they cost the same however small the pieces were in which they came, and no
 * large buffer lives on for a small part of it. What is counted is the memory of the blocks: at most a
 * quarter more than the bytes, and a block that is not used up.
 */
import type { MemoryBudget } from "./memory-budget.ts";
import { releaseReceived } from "./received-buffer.ts";

const minBlockBytes = 1024;
const maxBlockBytes = 64 * 1024;

interface TakingSocket {
  write(bytes: Uint8Array, offset: number, length: number): number;
}

export class ByteBlocks {
  readonly #budget: MemoryBudget | null;
  #blocks: Buffer[] = [];
  /** Consumed bytes of the first block, and filled ones of the last. */
  #start = 0;
  #end = 0;
  #length = 0;
  #memoryBytes = 0;

  /** The memory of all blocks is added to the budget, until they are consumed. */
  constructor(budget: MemoryBudget | null) {
    this.#budget = budget;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of memory that they take. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Bytes of memory that `append` would take in addition. */
  memoryFor(count: number): number {
    let rest = count - this.#room;
    let length = this.#length + this.#room;
    let memoryBytes = 0;
    while (rest > 0) {
      const block = blockBytes(length, rest);
      memoryBytes += block;
      length += block;
      rest -= block;
    }
    return memoryBytes;
  }

  append(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#room === 0) this.#addBlock(bytes.length - offset);
      const block = this.#blocks.at(-1)!;
      const count = Math.min(bytes.length - offset, block.length - this.#end);
      const isWhole = count === bytes.length;
      block.set(isWhole ? bytes : bytes.subarray(offset, offset + count), this.#end);
      this.#end += count;
      this.#length += count;
      offset += count;
    }
  }

  /** The first bytes, as many as are together; they are not written again, also when they are consumed. */
  front(): Buffer {
    const isLast = this.#blocks.length === 1;
    const block = this.#blocks[0] ?? nothing;
    return block.subarray(this.#start, isLast ? this.#end : block.length);
  }

  /** All bytes in order; they are not written again, also when they are consumed. */
  views(): Buffer[] {
    const last = this.#blocks.length - 1;
    return this.#blocks.map((block, index) =>
      block.subarray(index === 0 ? this.#start : 0, index === last ? this.#end : block.length),
    );
  }

  /**
   * As `consume`, for who has handed on copies only: nobody may look at the blocks any more, whose memory is
   * given back at once. Measured: a third of the memory while 200 MB are written to files.
   */
  release(count: number): void {
    this.#consume(count, true);
  }

  consume(count: number): void {
    this.#consume(count, false);
  }

  #consume(count: number, isFree: boolean): void {
    this.#length -= count;
    this.#start += count;
    // Of the last block there may be room left; an empty queue keeps none.
    while (this.#blocks.length > 0) {
      const first = this.#blocks[0]!;
      if (this.#length > 0 && this.#start < first.length) return;
      this.#start = Math.max(0, this.#start - first.length);
      this.#uncount(first.length);
      this.#blocks.shift();
      if (isFree) releaseReceived(first);
    }
    this.#start = 0;
    this.#end = 0;
  }

  /** Writes as much as the socket takes; the number of bytes, or -1 when it is broken. */
  drainInto(socket: TakingSocket): number {
    let total = 0;
    while (this.#length > 0) {
      const first = this.front();
      const taken = socket.write(first, 0, first.length);
      if (taken < 0) return -1;
      total += taken;
      const { length } = first;
      this.release(taken);
      if (taken < length) break;
    }
    return total;
  }

  /** Forgets everything. */
  clear(): void {
    this.#uncount(this.#memoryBytes);
    this.#blocks = [];
    this.#start = 0;
    this.#end = 0;
    this.#length = 0;
  }

  get #room(): number {
    const last = this.#blocks.at(-1);
    return last === undefined ? 0 : last.length - this.#end;
  }

  #addBlock(wanted: number): void {
    const bytes = blockBytes(this.#length, wanted);
    this.#blocks.push(Buffer.allocUnsafeSlow(bytes));
    this.#end = 0;
    this.#memoryBytes += bytes;
    this.#budget?.add(bytes);
  }

  #uncount(bytes: number): void {
    this.#memoryBytes -= bytes;
    this.#budget?.release(bytes);
  }
}

const nothing = Buffer.alloc(0);

/** What comes at once, or a quarter of what is there: small bodies stay small, large ones get few blocks. */
function blockBytes(length: number, wanted: number): number {
  return Math.min(maxBlockBytes, Math.max(minBlockBytes, Math.ceil(length / 4), wanted));
}
