/**
 * What was received and waits in this process, because its turn has not come or nobody wants it yet: the memory
 * that it takes is counted for all sockets together. While there is much of it, sockets that keep much are
 * told to receive less at once; and it never exceeds its limit: whoever keeps most loses its connection.
 */
import { maxReceivedBytesTotal } from "../config/limits.ts";
import { ListMember, MemberList } from "../lib/member-list.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { narrowReceiving, widenReceiving } from "./receive-buffer.ts";

/** Who keeps no more than this is never told to do with less. */
const smallBytes = 16 * 1024;
/** Of the limit: from here on sockets receive less at once, and below the second figure as they like. */
const narrowedFrom = 1 / 4;
const widenedBelow = 1 / 8;
/** Sockets that are told in one turn that they may receive more. */
const widenedAtOnce = 100;

/** Whose received bytes wait. */
export interface ReceivedOwner {
  /** Of its socket; -1 when it has none any more. */
  readonly descriptor: number;
  /** Nobody keeps more, and it is too much for all together: the connection ends, and keeps nothing. */
  giveUp(): void;
}

export interface ReceivedMemoryContext {
  /** Calls back behind what runs now. */
  soon(callback: () => void): void;
  /** Calls back in a later turn of the event loop. */
  later(callback: () => void): void;
}

export class ReceivedMemory {
  readonly budget = new MemoryBudget(maxReceivedBytesTotal);
  /** A connection was ended because it kept most. */
  onEnded: () => void = () => {};
  readonly #context: ReceivedMemoryContext;
  readonly #large = new MemberList<ReceivedShare>();
  readonly #narrowed = new Set<ReceivedShare>();
  #sheds = false;
  #widens = false;

  constructor(context: ReceivedMemoryContext) {
    this.#context = context;
  }

  share(owner: ReceivedOwner): ReceivedShare {
    return new ReceivedShare(this, owner);
  }

  /** `share.bytes` was this before. */
  changed(share: ReceivedShare, before: number): void {
    const { budget } = this;
    const { bytes } = share;
    if (bytes > before) budget.add(bytes - before);
    else budget.release(before - bytes);
    if (bytes > smallBytes) this.#keepsMuch(share);
    else if (before > smallBytes) this.#large.delete(share);
    if (budget.usedBytes > budget.limitBytes) this.#shed();
    else if (this.#narrowed.size > 0) this.#widen();
  }

  left(share: ReceivedShare): void {
    this.#narrowed.delete(share);
  }

  #keepsMuch(share: ReceivedShare): void {
    this.#large.add(share);
    if (this.budget.usedBytes < this.budget.limitBytes * narrowedFrom) return;
    if (share.narrow()) this.#narrowed.add(share);
  }

  /** Not at once: who keeps most may be in the middle of keeping it. */
  #shed(): void {
    if (this.#sheds) return;
    this.#sheds = true;
    this.#context.soon(() => {
      this.#sheds = false;
      while (this.budget.usedBytes > this.budget.limitBytes && this.#large.size > 0) {
        let largest: ReceivedShare | null = null;
        for (const share of this.#large.members())
          if (largest === null || share.bytes > largest.bytes) largest = share;
        largest!.giveUp();
        this.onEnded();
      }
    });
  }

  #widen(): void {
    if (this.#widens || this.budget.usedBytes >= this.budget.limitBytes * widenedBelow) return;
    this.#widens = true;
    this.#context.later(() => {
      this.#widens = false;
      let left = widenedAtOnce;
      for (const share of this.#narrowed) {
        if (left-- === 0) break;
        this.#narrowed.delete(share);
        share.widen();
      }
      if (this.#narrowed.size > 0) this.#widen();
    });
  }
}

/** What one socket keeps of it. */
export class ReceivedShare extends ListMember {
  readonly #memory: ReceivedMemory;
  readonly #owner: ReceivedOwner;
  #bytes = 0;
  /** Size of the receive buffer before it was made smaller; 0: it was not. */
  #wideBytes = 0;

  constructor(memory: ReceivedMemory, owner: ReceivedOwner) {
    super();
    this.#memory = memory;
    this.#owner = owner;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So many bytes of memory are kept now. */
  set(bytes: number): void {
    const before = this.#bytes;
    if (bytes === before) return;
    this.#bytes = bytes;
    this.#memory.changed(this, before);
  }

  /** The socket is somebody else's, or closed. */
  leave(): void {
    this.set(0);
    if (this.#wideBytes > 0) this.#memory.left(this);
  }

  /** False when it is so already, or can't be. */
  narrow(): boolean {
    if (this.#wideBytes > 0) return false;
    this.#wideBytes = narrowReceiving(this.#owner.descriptor);
    return this.#wideBytes > 0;
  }

  widen(): void {
    widenReceiving(this.#owner.descriptor, this.#wideBytes);
    this.#wideBytes = 0;
  }

  giveUp(): void {
    this.#owner.giveUp();
    this.leave();
  }
}

/** The one of this process. */
export const receivedMemory = new ReceivedMemory({
  soon: queueMicrotask,
  later: (callback) => void setImmediate(callback),
});
