/**
 * The sending half of a socket that many streams share: all that is written in one turn of the event loop
 * leaves in one system call, and what the kernel did not take is kept. Unlike `SocketWriter`, whose buffer
 * belongs to one socket at a time, several of these are written to in turns.
 */
import { ByteBlocks } from "./byte-blocks.ts";
import { type WritableSocket } from "./socket-writer.ts";
import { unsentMemory } from "./unsent-memory.ts";

/** The buffer of one turn: as much as is handed to the kernel at once. */
const bufferBytes = 64 * 1024;
/** Buffers that wait for the next turn. More are in use only while a turn lasts. */
const maxSpareBuffers = 16;
const spareBuffers: Buffer[] = [];
let unflushed: TurnWriter[] = [];

export class TurnWriter {
  readonly #socket: WritableSocket;
  #buffer: Buffer | null = null;
  #length = 0;
  /** Null as long as the kernel has taken everything at once. */
  #pending: ByteBlocks | null = null;
  #closed = false;
  #takenBytes = 0;
  /** Counts the buffers that have left: what is at a place of an earlier one can't be changed any more. */
  generation = 0;

  constructor(socket: WritableSocket) {
    this.#socket = socket;
  }

  /** There are bytes that the kernel did not take: producers should pause. */
  get blocked(): boolean {
    return this.#pending !== null && this.#pending.length > 0;
  }

  /** A write found the socket broken, or `close` was called: everything is ignored from then on. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that wait, in whatever place. */
  get unsentBytes(): number {
    return (this.#pending?.length ?? 0) + this.#length;
  }

  /** Bytes that the kernel has taken since the beginning. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Where the next byte goes in the buffer of this turn. */
  get position(): number {
    return this.#length;
  }

  /** Bytes that fit behind it. */
  get space(): number {
    return bufferBytes - this.#length;
  }

  /**
   * The buffer, with room for so many bytes (64 KB at most) behind `position`: what is before it may leave
   * for that. The bytes count once they are `advance`d over.
   */
  reserve(bytes: number): Buffer {
    if (bytes > this.space) this.#send();
    if (this.#buffer === null) {
      this.#buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      if (unflushed.length === 0) setImmediate(flushAll);
      unflushed.push(this);
    }
    return this.#buffer;
  }

  advance(bytes: number): void {
    this.#length += bytes;
  }

  /** The buffer of this turn, whose bytes before `position` may still be changed. */
  get written(): Buffer {
    return this.#buffer!;
  }

  /** Copies the bytes. */
  write(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += bufferBytes) {
      const part = bytes.length <= bufferBytes ? bytes : bytes.subarray(start, start + bufferBytes);
      this.reserve(part.length).set(part, this.#length);
      this.#length += part.length;
    }
  }

  /** Hands everything to the kernel now. */
  flush(): void {
    this.#send();
    const buffer = this.#buffer;
    if (buffer === null) return;
    this.#buffer = null;
    if (spareBuffers.length < maxSpareBuffers) spareBuffers.push(buffer);
  }

  /** To be called when the socket can take more. True when nothing waits any more. */
  drain(): boolean {
    const pending = this.#pending;
    if (pending === null) return true;
    const taken = pending.drainInto(this.#socket);
    if (taken >= 0) this.#takenBytes += taken;
    else this.close();
    return pending.length === 0;
  }

  /** Forgets everything; later writes are ignored. */
  close(): void {
    this.#closed = true;
    this.#pending?.clear();
    this.#length = 0;
  }

  #send(): void {
    const length = this.#length;
    this.#length = 0;
    this.generation++;
    if (length === 0 || this.#closed) return;
    const buffer = this.#buffer!;
    let taken = 0;
    if (!this.blocked) {
      taken = this.#socket.write(buffer, 0, length);
      if (taken < 0) {
        this.close();
        return;
      }
      this.#takenBytes += taken;
      if (taken === length) return;
    }
    this.#pending ??= new ByteBlocks(unsentMemory);
    this.#pending.append(buffer.subarray(taken, length));
  }
}

function flushAll(): void {
  const writers = unflushed;
  unflushed = [];
  for (const writer of writers) writer.flush();
}
