/** How much the peer may send on a connection in all: what waits here of it is never more. */
import { http2Limits } from "../../config/limits.ts";
import { windowMemory } from "../../net/unsent-memory.ts";
import {
  frameHeaderBytes,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from "../../protocols/http2/frames.ts";
import { ReceiveWindow } from "../../protocols/http2/receive-window.ts";
import { defaultWindowBytes } from "../../protocols/http2/settings.ts";
import type { FrameSender } from "./frame-sender.ts";

/** More than that of a stream, so that one body that nobody takes leaves room for others. */
const firstBytes = 2 * defaultWindowBytes;
const growth = {
  maxBytes: http2Limits.maxConnectionWindowBytes,
  withinMs: http2Limits.windowGrowthWithinMs,
};

/** To be sent behind the first SETTINGS: the window of a connection begins smaller (RFC 9113 6.9.2). */
export const openingWindowUpdate = Buffer.alloc(frameHeaderBytes + 4);
writeFrameHeader(openingWindowUpdate, 0, 4, FrameType.windowUpdate, 0, 0);
writeUint32(openingWindowUpdate, frameHeaderBytes, firstBytes - defaultWindowBytes);

export class ConnectionWindow {
  readonly #sender: FrameSender;
  readonly #window: ReceiveWindow;
  #grownBytes = 0;

  constructor(sender: FrameSender, nowMs: number) {
    this.#sender = sender;
    this.#window = new ReceiveWindow(firstBytes, nowMs);
  }

  /** What one stream may send without holding up the others. */
  get streamBytes(): number {
    return this.#window.sizeBytes / 2;
  }

  /** Bytes that came; false when they were not allowed. */
  receive(bytes: number): boolean {
    return this.#window.receive(bytes);
  }

  /** Bytes that are out of the way. */
  take(bytes: number, nowMs: number): void {
    const before = this.#window.sizeBytes;
    const increment = this.#window.take(bytes, nowMs, windowMemory.exhausted ? null : growth);
    const grown = this.#window.sizeBytes - before;
    this.#grownBytes += grown;
    windowMemory.add(grown);
    if (increment > 0) this.#sender.number(FrameType.windowUpdate, 0, increment);
  }

  close(): void {
    windowMemory.release(this.#grownBytes);
    this.#grownBytes = 0;
  }
}
