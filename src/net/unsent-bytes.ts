/** What a socket was given: how much of it the kernel has taken, and the rest, which waits. */
import { ByteBlocks } from "./byte-blocks.ts";
import { unsentMemory } from "./unsent-memory.ts";

/** What is needed of a Bun socket, plain or TLS. */
export interface WritableSocket {
  /** Returns how many bytes were taken, or -1 when the socket is closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
  /** Its descriptor; -1 when it is closed. Bun's types leave it out. */
  readonly fd?: number;
}

export class UnsentBytes {
  readonly #socket: WritableSocket;
  /** Null as long as the kernel has taken everything at once. */
  #pending: ByteBlocks | null = null;
  #closed = false;
  #takenBytes = 0;

  constructor(socket: WritableSocket) {
    this.#socket = socket;
  }

  /** Those that wait. */
  get length(): number {
    return this.#pending === null ? 0 : this.#pending.length;
  }

  get blocked(): boolean {
    return this.#pending !== null && this.#pending.length > 0;
  }

  /** A write found the socket broken, or `close` was called: everything is ignored from then on. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that the kernel has taken since the beginning. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** The kernel has taken so many bytes another way. */
  passed(bytes: number): void {
    this.#takenBytes += bytes;
  }

  /** Gives the socket a part of the bytes, behind those that wait; a copy is kept of what it does not take. */
  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    let offset = start;
    if (!this.blocked) {
      const taken = this.#socket.write(bytes, start, end - start);
      if (taken < 0) {
        this.close();
        return;
      }
      this.#takenBytes += taken;
      offset += taken;
      if (offset >= end) return;
    }
    this.#pending ??= new ByteBlocks(unsentMemory);
    this.#pending.append(bytes.subarray(offset, end));
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

  /** Forgets everything. */
  close(): void {
    this.#closed = true;
    this.#pending?.clear();
  }
}
