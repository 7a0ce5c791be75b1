/**
 * Brings what a socket receives into a session, as far as its turn goes; the rest waits, with the socket paused
 * when it is much.
 */
import { http2Limits } from "../../config/http2-limits.ts";
import { ListMember } from "../../lib/member-list.ts";
import { ByteQueue } from "../../net/byte-queue.ts";
import { releaseReceived } from "../../net/received-buffer.ts";
import { type ReceivedOwner, receivedMemory } from "../../net/received-memory.ts";
import type { TurnWriter } from "../../net/turn-writer.ts";
import { type BudgetedReader, workBudget } from "../../net/work-budget.ts";
import { Http2Fault } from "../../protocols/http2/http2-fault.ts";

/** Reads frames. */
export interface FrameReader {
  readonly sender: { readonly writer: TurnWriter };
  /** Somebody keeps bytes of the last read. */
  readonly readKept: boolean;
  /** Returns the index behind what was used, or why the connection ends. */
  read(bytes: Buffer, offset: number): number | Http2Fault;
}

export interface InputSocket {
  /** Its descriptor; -1 when it is closed. Bun's types leave it out. */
  readonly fd?: number;
  pause(): void;
  resume(): void;
}

export interface InputOwner {
  /** The connection can't go on. */
  onFault(fault: Http2Fault): void;
  /** The connection must end: something in the program went wrong, or too much of it waits here. */
  giveUp(): void;
}

export class SessionInput extends ListMember implements BudgetedReader, ReceivedOwner {
  readonly #session: FrameReader;
  readonly #socket: InputSocket;
  readonly #owner: InputOwner;
  readonly #unpausedBytes: number;
  /** What was read and not used yet. */
  readonly #kept = new ByteQueue();
  readonly #share = receivedMemory.share(this);
  /** Bytes of what waits are needed by somebody, who was handed them. */
  #keptNeeded = false;
  #reading = false;
  #waits = false;
  /** Too much of it to leave the socket unpaused. */
  #waitsMuch = false;
  #paused = false;
  #stopped = false;

  /** Reads of no more than `unpausedBytes` wait while the socket goes on. */
  constructor(session: FrameReader, socket: InputSocket, owner: InputOwner, unpausedBytes: number) {
    super();
    this.#session = session;
    this.#socket = socket;
    this.#owner = owner;
    this.#unpausedBytes = unpausedBytes;
  }

  /** Something of it waits for its turn. */
  get waits(): boolean {
    return this.#waits;
  }

  receive(chunk: Buffer, offset: number): void {
    if (this.#stopped) return;
    if (this.#kept.length > 0) {
      this.#kept.append(chunk, !this.#keptNeeded);
      releaseReceived(chunk);
      this.#count();
      this.#waitsMuch = this.#kept.length > this.#unpausedBytes;
      this.adjust();
      return;
    }
    workBudget.begin(this);
    const end = this.#read(chunk, offset);
    const isNeeded = this.#session.readKept;
    const isKept = end < chunk.length && this.#kept.keep(chunk, end);
    if (isKept) this.#keptNeeded = isNeeded;
    else if (!isNeeded) releaseReceived(chunk);
    this.#count();
  }

  readOn(): void {
    if (this.#stopped) return;
    workBudget.begin(this);
    const used = this.#read(this.#kept.view(), 0);
    if (this.#session.readKept) this.#keptNeeded = true;
    if (this.#keptNeeded) this.#kept.consume(used);
    else this.#kept.release(used);
    if (this.#kept.length === 0) this.#keptNeeded = false;
    this.#count();
  }

  get descriptor(): number {
    return this.#stopped ? -1 : (this.#socket.fd ?? -1);
  }

  giveUp(): void {
    this.#owner.giveUp();
  }

  fail(): void {
    this.#owner.giveUp();
  }

  mayGoOn(units: number): boolean {
    return !this.#stopped && workBudget.spend(this, units);
  }

  /** Paused are those of which much waits for its turn, and those that don't read what they were sent. */
  adjust(): void {
    const { writer } = this.#session.sender;
    const isDeaf = writer.blocked && writer.unsentBytes > http2Limits.maxUnsentBytes;
    const pausing = !this.#stopped && ((this.#waits && this.#waitsMuch) || isDeaf);
    if (pausing === this.#paused) return;
    this.#paused = pausing;
    if (pausing) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Nothing more is looked at. */
  stop(): void {
    this.#stopped = true;
    this.#waits = false;
    if (this.#reading || this.#keptNeeded) this.#kept.consume(this.#kept.length);
    else this.#kept.release(this.#kept.length);
    this.#share.leave();
  }

  #count(): void {
    if (!this.#stopped) this.#share.set(this.#kept.memoryBytes);
  }

  /** Returns the index behind what is out of the way. */
  #read(bytes: Buffer, offset: number): number {
    this.#reading = true;
    const end = this.#session.read(bytes, offset);
    this.#reading = false;
    if (end instanceof Http2Fault) {
      this.#owner.onFault(end);
      return bytes.length;
    }
    if (this.#stopped) return bytes.length;
    this.#waits = end < bytes.length;
    this.#waitsMuch = bytes.length > this.#unpausedBytes;
    this.adjust();
    return end;
  }
}
