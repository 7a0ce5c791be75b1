/** An end of the seam over frames of bytes between two processes; the lines of the log go the same way. */
import type { SeamEnd, SeamMessage } from "./seam-end.ts";

/** What carries the frames. */
export interface ChannelCarrier {
  owner: { onFrame(kind: number, bytes: Buffer): void; onClose(): void } | null;
  send(kind: number, bytes: Uint8Array): void;
  close(): void;
}

/** Descriptors that a worker finds open: the channel, the sockets that listen, the memory of all workers. */
export const channelFd = 3;
export const firstSocketFd = 4;

const messageKind = 0;
const logKind = 1;
/** The primary is about to change its executable: say that it was heard, and then nothing. */
const holdKind = 2;
const heldKind = 3;
/** There is a new one. */
const releaseKind = 4;

const nothing = Buffer.alloc(0);

export class ChannelEnd implements SeamEnd {
  onMessage: ((message: SeamMessage) => void) | null = null;
  onClose: (() => void) | null = null;
  /** Whole lines of the log, as bytes. */
  onLog: ((lines: Buffer) => void) | null = null;
  /** The other side was another one until now: what was asked of it is not answered any more. */
  onRelease: (() => void) | null = null;
  /** Called before each message: what was logged before it goes before it. */
  beforeMessage: (() => void) | null = null;
  readonly #carrier: ChannelCarrier;
  /** What waits until the other side reads again; null: it does. */
  #held: { kind: number; bytes: Uint8Array }[] | null = null;
  #heldBytes = 0;
  #onHeld: ((isThere: boolean) => void) | null = null;
  #isClosed = false;

  constructor(carrier: ChannelCarrier) {
    this.#carrier = carrier;
    carrier.owner = {
      onFrame: (kind, bytes) => this.#received(kind, bytes),
      onClose: () => this.#closed(),
    };
  }

  send(message: SeamMessage): void {
    this.beforeMessage?.();
    this.#send(messageKind, Buffer.from(JSON.stringify(message)));
  }

  /** Whole lines. */
  sendLog(lines: Uint8Array): void {
    this.#send(logKind, lines);
  }

  /** Bytes of log lines and messages that wait here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Resolves when everything that the other side had sent has arrived, and nothing more will come. False: it is not
   * there any more.
   */
  hold(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#onHeld = resolve;
    this.#carrier.send(holdKind, nothing);
    return promise;
  }

  /** Lets the other side speak again, with whoever has this end now. */
  release(): void {
    this.#carrier.send(releaseKind, nothing);
  }

  #received(kind: number, bytes: Buffer): void {
    switch (kind) {
      case messageKind:
        this.onMessage?.(JSON.parse(bytes.toString()) as SeamMessage);
        break;
      case logKind:
        this.onLog?.(bytes);
        break;
      case holdKind:
        this.#carrier.send(heldKind, nothing);
        this.#held ??= [];
        break;
      case heldKind:
        this.#onHeld?.(true);
        break;
      case releaseKind:
        this.#released();
        break;
    }
  }

  #closed(): void {
    this.#isClosed = true;
    this.#onHeld?.(false);
    this.onClose?.();
  }

  #released(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#heldBytes = 0;
    // Answers to the one that was there before mean nothing to the one that is there now.
    for (const { kind, bytes } of held) if (kind === logKind) this.#send(kind, bytes);
    this.onRelease?.();
  }

  #send(kind: number, bytes: Uint8Array): void {
    if (this.#held === null) {
      this.#carrier.send(kind, bytes);
      return;
    }
    this.#held.push({ kind, bytes });
    this.#heldBytes += bytes.length;
  }

  close(): void {
    this.#carrier.close();
  }
}
