/**
 * The one way to standard output: collects lines and writes them together, in order. A reader that is
 * behind is waited for without blocking, until so much is waiting that memory has to be protected; then
 * lines are dropped and counted, and one line in their place says how many, when there is room again.
 */
import { closeSync } from "node:fs";
import { logPatienceMs, maxWaitingLogBytes } from "../config/limits.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { codeOf } from "../lib/error-text.ts";
import { openUnblocked, type WriteBytes } from "./unblocked-output.ts";

export interface BatchedWriterOptions {
  /** Lines wait this long at most. */
  flushIntervalMs: number;
  /** From here on they do not wait. */
  flushBytes: number;
  /** Lines beyond it are dropped. */
  maxWaitingBytes?: number;
  /** The line, with its newline, that stands where so many were dropped. */
  droppedText: (lines: number) => string;
}

const firstRetryMs = 1;

export class BatchedWriter {
  readonly #clock: Clock;
  readonly #options: Required<BatchedWriterOptions>;
  readonly #writeBytes: WriteBytes;
  readonly #ownFd: number | null;
  /** Lines dropped so far, and those of which no line in the log tells yet. */
  #dropped = 0;
  #untold = 0;
  #lines: string[] = [];
  /** Characters of `#lines`. */
  #collected = 0;
  /** Encoded, not yet taken by the system; of the first one, `#offset` bytes are written. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #offset = 0;
  #timer: Timer | null = null;
  #retryMs = firstRetryMs;
  #closed = false;

  constructor(fd: number, clock: Clock, options: BatchedWriterOptions, writeBytes?: WriteBytes) {
    this.#clock = clock;
    this.#options = { maxWaitingBytes: maxWaitingLogBytes, ...options };
    const output = writeBytes === undefined ? openUnblocked(fd) : { writeBytes, ownFd: null };
    this.#ownFd = output.ownFd;
    this.#writeBytes = output.writeBytes;
  }

  get waitingBytes(): number {
    return this.#collected + this.#pendingBytes;
  }

  get droppedLines(): number {
    return this.#dropped;
  }

  /** Takes one line with its newline. */
  write(line: string): void {
    if (this.#closed) return;
    if (this.#hasRoomFor(line)) {
      this.#tellDropped();
      this.#collect(line);
    } else {
      this.#dropped++;
      this.#untold++;
    }
  }

  /** Takes whole lines that have waited already, as bytes that nobody changes any more. */
  writeBlock(lines: Uint8Array): void {
    if (this.#closed || lines.length === 0) return;
    if (!this.#hasRoomFor(lines)) {
      const count = linesOf(lines);
      this.#dropped += count;
      this.#untold += count;
      return;
    }
    this.#tellDropped();
    this.#encode();
    this.#pending.push(lines);
    this.#pendingBytes += lines.length;
    this.flush();
  }

  /** A reader that is slow, not stuck, shall not get one line that tells of dropped ones after the other. */
  #hasRoomFor(line: { readonly length: number }): boolean {
    const { maxWaitingBytes } = this.#options;
    const limit = this.#untold > 0 ? maxWaitingBytes / 2 : maxWaitingBytes;
    return this.waitingBytes === 0 || this.waitingBytes + line.length <= limit;
  }

  #tellDropped(): void {
    if (this.#untold === 0) return;
    const text = this.#options.droppedText(this.#untold);
    this.#untold = 0;
    this.#collect(text);
  }

  #collect(line: string): void {
    this.#lines.push(line);
    this.#collected += line.length;
    if (this.#collected >= this.#options.flushBytes) this.flush();
    else if (this.#timer === null) this.#arm(this.#options.flushIntervalMs);
  }

  /** Writes everything now, waiting for a slow reader, but not for one that takes nothing at all. */
  flushSync(patienceMs: number = logPatienceMs): void {
    this.#encode();
    this.#writeAll(patienceMs);
  }

  /** Flushes and takes nothing more. The descriptor that was given stays open. */
  close(): void {
    this.#tellDropped();
    this.flushSync();
    this.#closed = true;
    this.#disarm();
    // The number of the descriptor may soon stand for something else.
    this.#forget();
    if (this.#ownFd !== null) closeSync(this.#ownFd);
  }

  /** Hands over what the system takes now, without waiting. */
  flush(): void {
    this.#encode();
    this.#writeSome();
  }

  #encode(): void {
    if (this.#collected === 0) return;
    const bytes = Buffer.from(this.#lines.join(""));
    this.#lines = [];
    this.#collected = 0;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Writes what the system takes now and comes back later for the rest. */
  #writeSome(): void {
    const outcome = this.#tryWrite();
    this.#disarm();
    if (outcome === "gone") return;
    if (outcome === "done") {
      this.#retryMs = firstRetryMs;
      this.#tellDropped();
      return;
    }
    this.#arm(this.#retryMs);
    this.#retryMs = Math.min(
      this.#retryMs * 2,
      Math.max(this.#options.flushIntervalMs, firstRetryMs),
    );
  }

  #writeAll(patienceMs: number): void {
    let waitedMs = 0;
    for (;;) {
      const before = this.#pendingBytes;
      const outcome = this.#tryWrite();
      if (outcome === "done" || outcome === "gone") break;
      // A full disk may stay full for ever: better to lose lines than to stop serving.
      if (outcome === "failed") {
        this.#forget();
        break;
      }
      waitedMs = this.#pendingBytes < before ? 0 : waitedMs + firstRetryMs;
      if (waitedMs > patienceMs) break;
      Bun.sleepSync(firstRetryMs);
    }
    this.#disarm();
    if (this.#pendingBytes > 0) this.#arm(this.#options.flushIntervalMs);
  }

  #tryWrite(): "done" | "later" | "failed" | "gone" {
    try {
      for (let first = this.#pending[0]; first !== undefined; first = this.#pending[0]) {
        const written = this.#writeBytes(first, this.#offset, first.length - this.#offset);
        if (written > 0) this.#retryMs = firstRetryMs;
        this.#pendingBytes -= written;
        this.#offset += written;
        if (this.#offset < first.length) continue;
        this.#pending.shift();
        this.#offset = 0;
      }
      return "done";
    } catch (error) {
      const code = codeOf(error);
      if (code === "EAGAIN" || code === "EINTR") return "later";
      if (code !== "EPIPE" && code !== "EBADF") return "failed";
      // Nobody will ever read again; serving goes on without a log.
      this.#closed = true;
      this.#forget();
      return "gone";
    }
  }

  #forget(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#offset = 0;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null;
      this.flush();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

function linesOf(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
