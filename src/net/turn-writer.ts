/**
 * The sending half of a socket that many streams share: all that is written in one turn of the event loop
 * leaves in one system call, and what the kernel did not take is kept. Unlike `SocketWriter`, whose buffer
 * belongs to one socket at a time, several of these are written to in turns.
 */
import { TurnEnd } from "./turn-end.ts";
import { UnsentBytes, type WritableSocket } from "./unsent-bytes.ts";

/** The buffer of one turn: as much as is handed to the kernel at once. */
const bufferBytes = 64 * 1024;
/** Buffers that wait for the next turn. More are in use only while a turn lasts. */
const maxSpareBuffers = 16;
const spareBuffers: Buffer[] = [];
const turnEnd = new TurnEnd<TurnWriter>((writer) => writer.flush());

export class TurnWriter {
  readonly #unsent: UnsentBytes;
  #buffer: Buffer | null = null;
  #length = 0;
  /** Counts the buffers that have left: what is at a place of an earlier one can't be changed any more. */
  generation = 0;

  constructor(socket: WritableSocket) {
    this.#unsent = new UnsentBytes(socket);
  }

  /** There are bytes that the kernel did not take: producers should pause. */
  get blocked(): boolean {
    return this.#unsent.blocked;
  }

  /** A write found the socket broken, or `close` was called: everything is ignored from then on. */
  get closed(): boolean {
    return this.#unsent.closed;
  }

  /** Bytes that wait, in whatever place. */
  get unsentBytes(): number {
    return this.#unsent.length + this.#length;
  }

  /** Bytes that the kernel has taken since the beginning. */
  get takenBytes(): number {
    return this.#unsent.takenBytes;
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
      turnEnd.add(this);
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
    return this.#unsent.drain();
  }

  /** Forgets everything; later writes are ignored. */
  close(): void {
    this.#unsent.close();
    this.#length = 0;
  }

  #send(): void {
    const length = this.#length;
    this.#length = 0;
    this.generation++;
    if (length > 0) this.#unsent.send(this.#buffer!, 0, length);
  }
}
