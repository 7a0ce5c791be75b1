/** Moves bytes from one socket to another inside the kernel (Linux, splice(2)): they are never copied. */
import { ptr } from "bun:ffi";
import { openLibc, type Libc } from "./libc.ts";

/** The most that a process without privileges may ask for. */
const pipeBytes = 1024 * 1024;

// Values of Linux, on every architecture that Bun runs on.
const nonBlockingCloseOnExec = 0o2_004_000;
const setPipeSize = 1031;
/** SPLICE_F_MOVE | SPLICE_F_NONBLOCK */
const spliceFlags = 3;

export class KernelPipe {
  readonly #libc: Libc;
  readonly #readEnd: number;
  readonly #writeEnd: number;
  /** What the last `move` took and could not deliver: it belongs before whatever follows. */
  undelivered: Buffer | null = null;

  private constructor(libc: Libc, readEnd: number, writeEnd: number) {
    this.#libc = libc;
    this.#readEnd = readEnd;
    this.#writeEnd = writeEnd;
  }

  /** Null where there is none. It is never closed: one serves the whole process. */
  static open(): KernelPipe | null {
    const libc = process.platform === "linux" ? openLibc() : null;
    if (libc === null) return null;
    const ends = new Int32Array(2);
    if (libc.pipe2(ptr(ends), nonBlockingCloseOnExec) !== 0) return null;
    const [readEnd, writeEnd] = ends as unknown as [number, number];
    libc.fcntl(writeEnd, setPipeSize, pipeBytes);
    return new KernelPipe(libc, readEnd, writeEnd);
  }

  /**
   * Moves up to `limit` bytes; returns how many left `from`, 0 when there are none now, the peer has
   * ended, or it does not work: an ordinary read tells which. The pipe is empty before and after.
   */
  move(from: number, to: number, limit: number): number {
    const { splice } = this.#libc;
    this.undelivered = null;
    const taken = Number(splice(from, null, this.#writeEnd, null, limit, spliceFlags));
    if (taken <= 0) return 0;
    let delivered = 0;
    while (delivered < taken) {
      const count = Number(splice(this.#readEnd, null, to, null, taken - delivered, spliceFlags));
      if (count <= 0) break;
      delivered += count;
    }
    if (delivered < taken) this.undelivered = this.#takeOut(taken - delivered);
    return taken;
  }

  #takeOut(length: number): Buffer {
    const rest = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const count = Number(this.#libc.read(this.#readEnd, ptr(rest, filled), length - filled));
      // A pipe that has bytes gives them: anything else would mix up two bodies.
      if (count <= 0) throw new Error("the kernel's pipe has lost bytes");
      filled += count;
    }
    return rest;
  }
}
