/**
 * What an HTTP/1.1 client has sent and nobody has used yet. It waits, bounded, with the socket paused, until it is
 * wanted and its turn has come.
 */
import { maxReadAheadBytes } from "../../../config/limits.ts";
import { ListMember } from "../../../lib/member-list.ts";
import { ByteQueue } from "../../../net/byte-queue.ts";
import { releaseReceived } from "../../../net/received-buffer.ts";
import { type ReceivedOwner, receivedMemory } from "../../../net/received-memory.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";
import { type BudgetedReader, workBudget } from "../../../net/work-budget.ts";
import type { ClientSocket } from "../accept/client-connection.ts";

export interface Http1InputOwner {
  readonly writer: SocketWriter;
  /** What the client sends is still looked at. */
  readonly reads: boolean;
  /** A head is awaited, whose reader has a limit of its own. */
  readonly awaitsHead: boolean;
  /** Uses one piece of it from `offset` on; returns the index behind it, or -1 when it is not wanted now. */
  use(bytes: Buffer, offset: number): number;
  /** What can be used now has been used. */
  inputUsed(): void;
  /** The wait of what was received was no fault of the client. */
  progressed(): void;
  /** Ends the connection at once: its state is not to be trusted, or too much of it waits. */
  giveUp(): void;
}

export class Http1Input extends ListMember implements BudgetedReader, ReceivedOwner {
  readonly #socket: ClientSocket;
  readonly #owner: Http1InputOwner;
  readonly #kept = new ByteQueue();
  readonly #share = receivedMemory.share(this);
  /** Bytes of what waits are needed by somebody, who was handed them. */
  #keptNeeded = false;
  /** Bytes are being handed out: what is written goes out at the end of that. */
  #busy = false;
  /** Somebody wants bytes while bytes are being handed out: the socket reads on afterwards. */
  #wanted = false;
  /** Bytes of the present read are still needed by somebody. */
  #readKept = false;
  /** Somebody wants no more bytes for now. */
  #held = false;
  /** What was received waits for its turn. */
  #queued = false;
  #paused = false;
  /** Somebody else reads the socket from now on, or nobody. */
  #left = false;

  constructor(socket: ClientSocket, owner: Http1InputOwner) {
    super();
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#kept.length;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get queued(): boolean {
    return this.#queued;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** True when nobody needs the memory of the chunk any more. */
  receive(chunk: Buffer): boolean {
    workBudget.begin(this);
    if (this.#busy || this.#kept.length > 0) {
      this.#kept.append(chunk, !this.#busy && !this.#keptNeeded);
      releaseReceived(chunk);
      this.#useKept();
      this.#count();
      return false;
    }
    this.#readKept = false;
    const end = this.#use(chunk);
    if (end < chunk.length && this.#owner.reads) {
      this.#keptNeeded = this.#readKept;
      if (this.#kept.keep(chunk, end)) this.#readKept = true;
      this.#count();
    }
    this.#limitReadAhead();
    return !this.#readKept;
  }

  /** Somebody keeps bytes of the present read. */
  keepRead(): void {
    this.#readKept = true;
  }

  /** Somebody wants bytes: those that wait, or more. */
  pump(): void {
    if (this.#busy) {
      this.#wanted = true;
      return;
    }
    this.resume();
    if (this.#kept.length > 0) this.#useKept();
  }

  hold(): void {
    this.#wanted = false;
    this.#held = true;
    this.#pauseOrResume();
  }

  resume(): void {
    this.#held = false;
    this.#pauseOrResume();
  }

  /** Whether more of the present read should be handed on in this turn. */
  mayReadOn(units: number): boolean {
    this.#queued = !workBudget.spend(this, units);
    return !this.#queued;
  }

  /** Counts what is read only to be thrown away. */
  throwAway(units: number): void {
    workBudget.begin(this);
    if (!this.mayReadOn(units)) this.#pauseOrResume();
  }

  readOn(): void {
    this.#queued = false;
    if (this.#owner.reads) {
      this.#owner.progressed();
      workBudget.begin(this);
      if (this.#kept.length > 0) this.#useKept();
      else this.#owner.inputUsed();
    }
    this.#pauseOrResume();
  }

  get descriptor(): number {
    return this.#left ? -1 : (this.#socket.fd ?? -1);
  }

  giveUp(): void {
    this.#owner.giveUp();
  }

  fail(): void {
    this.#owner.giveUp();
  }

  clear(): void {
    this.#kept.consume(this.#kept.length);
    this.#count();
  }

  /** Leaves the socket to somebody else, as it is, or to nobody; what waits is forgotten. */
  leave(): void {
    this.#left = true;
    this.#share.leave();
    if (this.#busy || this.#keptNeeded) this.#kept.consume(this.#kept.length);
    else this.#kept.release(this.#kept.length);
  }

  /** Leaves the paused socket to somebody else, with all that waits. */
  handOver(): Buffer {
    this.hold();
    const waiting = Buffer.from(this.#kept.view());
    this.leave();
    return waiting;
  }

  #useKept(): void {
    if (this.#busy || this.#queued) return;
    this.#readKept = false;
    const used = this.#use(this.#kept.view());
    if (this.#readKept) this.#keptNeeded = true;
    if (this.#keptNeeded) this.#kept.consume(used);
    else this.#kept.release(used);
    if (this.#kept.length === 0) this.#keptNeeded = false;
    this.#count();
    this.#limitReadAhead();
    this.#owner.inputUsed();
  }

  #count(): void {
    if (!this.#left) this.#share.set(this.#kept.memoryBytes);
  }

  /** Hands out as much as can be used now; returns how many bytes that was. */
  #use(bytes: Buffer): number {
    this.#busy = true;
    let offset = 0;
    while (offset < bytes.length && !this.#queued) {
      const end = this.#owner.use(bytes, offset);
      if (end === -1) break;
      offset = end;
    }
    this.#busy = false;
    this.#owner.writer.flushSoon();
    if (this.#wanted) {
      this.#wanted = false;
      this.#held = false;
    }
    this.#pauseOrResume();
    return offset;
  }

  #limitReadAhead(): void {
    if (this.#kept.length <= maxReadAheadBytes || this.#queued) return;
    if (this.#owner.reads && !this.#owner.awaitsHead) this.hold();
  }

  #pauseOrResume(): void {
    const pause = this.#held || this.#queued;
    if (pause === this.#paused || this.#left) return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }
}
