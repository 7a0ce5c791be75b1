/** Brings what a socket receives into a session, as far as its turn goes; the rest waits with the socket paused. */
import { http2Limits } from "../../config/limits.ts";
import { ByteQueue } from "../../net/byte-queue.ts";
import { releaseReceived } from "../../net/received-buffer.ts";
import { type BudgetedReader, workBudget } from "../../net/work-budget.ts";
import { Http2Fault } from "../../protocols/http2/http2-fault.ts";
import type { TurnWriter } from "../../net/turn-writer.ts";

/** Reads frames. */
export interface FrameReader {
  readonly sender: { readonly writer: TurnWriter };
  /** Somebody keeps bytes of the last read. */
  readonly readKept: boolean;
  /** Returns the index behind what was used, or why the connection ends. */
  read(bytes: Buffer, offset: number): number | Http2Fault;
}

export interface InputSocket {
  pause(): void;
  resume(): void;
}

export interface InputOwner {
  /** The connection can't go on. */
  onFault(fault: Http2Fault): void;
  /** Something in the program went wrong: the connection must end. */
  onBug(): void;
}

export class SessionInput implements BudgetedReader {
  readonly #session: FrameReader;
  readonly #socket: InputSocket;
  readonly #owner: InputOwner;
  /** What was read and not used yet. */
  readonly #kept = new ByteQueue();
  #waits = false;
  #paused = false;
  #stopped = false;

  constructor(session: FrameReader, socket: InputSocket, owner: InputOwner) {
    this.#session = session;
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Something of it waits for its turn. */
  get waits(): boolean {
    return this.#waits;
  }

  receive(chunk: Buffer, offset: number): void {
    if (this.#stopped) return;
    if (this.#kept.length > 0) {
      this.#kept.append(chunk);
      return;
    }
    workBudget.begin(this);
    const end = this.#read(chunk, offset);
    const isKept = end < chunk.length && this.#kept.keep(chunk, end);
    if (!isKept && !this.#session.readKept) releaseReceived(chunk);
  }

  readOn(): void {
    if (this.#stopped) return;
    workBudget.begin(this);
    this.#kept.consume(this.#read(this.#kept.view(), 0));
  }

  fail(): void {
    this.#owner.onBug();
  }

  mayGoOn(units: number): boolean {
    return !this.#stopped && workBudget.spend(this, units);
  }

  /** Paused are those whose turn it is not, and those that don't read what they were sent. */
  adjust(): void {
    const { writer } = this.#session.sender;
    const isDeaf = writer.blocked && writer.unsentBytes > http2Limits.maxUnsentBytes;
    const pausing = !this.#stopped && (this.#waits || isDeaf);
    if (pausing === this.#paused) return;
    this.#paused = pausing;
    if (pausing) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Nothing more is looked at. */
  stop(): void {
    this.#stopped = true;
    this.#waits = false;
    this.#kept.consume(this.#kept.length);
  }

  /** Returns the index behind what is out of the way. */
  #read(bytes: Buffer, offset: number): number {
    const end = this.#session.read(bytes, offset);
    if (end instanceof Http2Fault) {
      this.#owner.onFault(end);
      return bytes.length;
    }
    if (this.#stopped) return bytes.length;
    this.#waits = end < bytes.length;
    this.adjust();
    return end;
  }
}
