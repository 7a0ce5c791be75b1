/**
 * Copies bytes from one socket to another through one small buffer that stays in the processor's cache,
 * past Bun, whose reads of 512 KB in fresh memory do not. Measured for bodies of 20 MB: an eighth less
 * CPU time than splice(2), which copies nothing.
 */
import { ptr } from "bun:ffi";
import { maxPacketBytes } from "./full-packets.ts";
import { openLibc, type Libc } from "./libc.ts";

// Values of Linux, on every architecture that Bun runs on.
/** MSG_DONTWAIT */
const receiveFlags = 0x40;
/** MSG_DONTWAIT | MSG_PEEK */
const peekFlags = 0x42;
/** MSG_DONTWAIT | MSG_NOSIGNAL */
const sendFlags = 0x4040;

export class SocketCopy {
  readonly #libc: Libc;
  readonly #buffer = Buffer.allocUnsafeSlow(maxPacketBytes);
  readonly #address = ptr(this.#buffer);
  /**
   * What the last `move` took and could not deliver: it belongs before whatever follows. Part of the one
   * buffer: the next `move` writes over it.
   */
  undelivered: Buffer | null = null;
  /** The last `move` found nothing, and not the end. */
  isDry = false;

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Null where there is no C library to do it. */
  static open(): SocketCopy | null {
    const libc = openLibc();
    return libc === null ? null : new SocketCopy(libc);
  }

  /**
   * Moves up to `limit` bytes, 64 KB at most; returns how many left `from`, 0 when there are none now,
   * the peer has ended, or it is broken: an ordinary read tells which.
   */
  move(from: number, to: number, limit: number): number {
    this.undelivered = null;
    const buffer = this.#buffer;
    const most = Math.min(limit, buffer.length);
    const taken = Number(this.#libc.recv(from, this.#address, most, receiveFlags));
    this.isDry = taken < 0;
    if (taken <= 0) return 0;
    const sent = Math.max(0, Number(this.#libc.send(to, this.#address, taken, sendFlags)));
    if (sent < taken) this.undelivered = buffer.subarray(sent, taken);
    return taken;
  }
}

const peeked = new Uint8Array(1);

/** Whether bytes of the peer wait in the kernel, or its end. */
export function hasMoreToRead(descriptor: number): boolean {
  const libc = openLibc();
  return libc !== null && Number(libc.recv(descriptor, ptr(peeked), 1, peekFlags)) >= 0;
}
