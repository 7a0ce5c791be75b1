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

export class ChannelEnd implements SeamEnd {
  onMessage: ((message: SeamMessage) => void) | null = null;
  onClose: (() => void) | null = null;
  /** Whole lines of the log, as bytes. */
  onLog: ((lines: Buffer) => void) | null = null;
  /** Called before each message: what was logged before it goes before it. */
  beforeMessage: (() => void) | null = null;
  readonly #carrier: ChannelCarrier;

  constructor(carrier: ChannelCarrier) {
    this.#carrier = carrier;
    carrier.owner = {
      onFrame: (kind, bytes) => {
        if (kind === logKind) this.onLog?.(bytes);
        else this.onMessage?.(JSON.parse(bytes.toString()) as SeamMessage);
      },
      onClose: () => this.onClose?.(),
    };
  }

  send(message: SeamMessage): void {
    this.beforeMessage?.();
    this.#carrier.send(messageKind, Buffer.from(JSON.stringify(message)));
  }

  /** Whole lines. */
  sendLog(lines: Uint8Array): void {
    this.#carrier.send(logKind, lines);
  }

  close(): void {
    this.#carrier.close();
  }
}
