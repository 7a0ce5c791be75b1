/**
 * Reading of a plain socket whose bytes are more than their taker wants: Bun reads up to 512 KB at once, which
 * would wait here for a client that takes little. From its first 32 KB on, the socket of a body is paused and read
 * past Bun in pieces, and only while they are wanted; when there are no more now, Bun reads on.
 */
import { ptr } from "bun:ffi";
import { maxUnsentPieceBytes } from "../config/limits.ts";
import { ListMember } from "../lib/member-list.ts";
import { openLibc } from "./libc.ts";
import { unsentMemory } from "./unsent-memory.ts";
import { type BudgetedReader, workBudget } from "./work-budget.ts";

/** So much of a body says that it is a large one: the next read may bring 512 KB. */
const largeBodyBytes = 32 * 1024;
/** Of a piece when too much waits already for everybody together. */
const smallPieceBytes = 4 * 1024;
/** MSG_DONTWAIT; the value of Linux, on every architecture that Bun runs on. */
const receiveFlags = 0x40;

export interface PausableSocket {
  readonly fd?: number;
  pause(): void;
  resume(): void;
}

/** Who takes the bytes; a piece is like any read of Bun. */
export interface ReadOwner {
  onData(bytes: Buffer): void;
  /** `onData` threw. */
  fail(error: Error): void;
}

export class MeasuredReads extends ListMember implements BudgetedReader {
  readonly #socket: PausableSocket;
  readonly #owner: ReadOwner;
  #wanted = true;
  #paused = false;
  /** Bytes are taken in pieces. */
  #inPieces = false;
  /** That Bun has read of the body since pieces were last begun. */
  #countedBytes = 0;

  constructor(socket: PausableSocket, owner: ReadOwner) {
    super();
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Counts a read of Bun that is part of a body. True: so much has come that the rest should not come by Bun. */
  counts(bytes: number): boolean {
    this.#countedBytes += bytes;
    if (this.#countedBytes < largeBodyBytes) return false;
    this.#countedBytes = 0;
    return true;
  }

  /** The rest is read in pieces; to be called behind a read. */
  takePieces(): void {
    if (this.#inPieces || openLibc() === null) return;
    this.#inPieces = true;
    this.#pauseSocket();
    if (this.#wanted) workBudget.wait(this);
  }

  pause(): void {
    this.#wanted = false;
    this.#pauseSocket();
  }

  resume(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    if (this.#inPieces) workBudget.wait(this);
    else this.#resumeSocket();
  }

  /** The body is over: Bun reads what follows. */
  end(): void {
    this.#wanted = true;
    this.#inPieces = false;
    this.#countedBytes = 0;
    this.#resumeSocket();
  }

  /** The socket is somebody else's from now on, or closed. */
  stop(): void {
    this.#wanted = false;
    this.#inPieces = false;
  }

  /** Its turn has come. */
  readOn(): void {
    if (!this.#inPieces || !this.#wanted) return;
    const bytes = receive(this.#socket.fd ?? -1);
    if (bytes === null) {
      this.#inPieces = false;
      this.#resumeSocket();
      return;
    }
    this.#owner.onData(bytes);
    if (this.#inPieces && this.#wanted) workBudget.wait(this);
  }

  fail(error: Error): void {
    this.#owner.fail(error);
  }

  #pauseSocket(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resumeSocket(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }
}

/** For the next piece: the last one was not there, or so small that it was copied. */
let spare: Buffer | null = null;

/** Null when there is nothing now, and at the end: Bun tells which. */
function receive(descriptor: number): Buffer | null {
  if (descriptor < 0) return null;
  const size = unsentMemory.exhausted ? smallPieceBytes : maxUnsentPieceBytes;
  const buffer = spare ?? Buffer.allocUnsafeSlow(maxUnsentPieceBytes);
  spare = null;
  const count = Number(openLibc()!.recv(descriptor, ptr(buffer), size, receiveFlags));
  if (2 * count >= buffer.length)
    return count === buffer.length ? buffer : buffer.subarray(0, count);
  spare = buffer;
  return count <= 0 ? null : Buffer.from(buffer.subarray(0, count));
}
