/**
 * How much the peer of an HTTP/2 connection may send (RFC 9113 5.2). A stream's window opens as its bytes are
 * taken: what waits for a slow reader is never more. A target's connection opens as they come, so that streams
 * which nobody takes hold up no others. So does a client's, for as much as a few streams have at first: it grows,
 * and opens further, only by what is taken, because a client may have many streams, and connections.
 */
import { http2Limits } from "../../config/http2-limits.ts";
import { lentWindowMemory, windowMemory } from "../../net/unsent-memory.ts";
import {
  frameHeaderBytes,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from "../../protocols/http2/frames.ts";
import { ReceiveWindow, type WindowGrowth } from "../../protocols/http2/receive-window.ts";
import { defaultWindowBytes } from "../../protocols/http2/settings.ts";
import type { FrameSender } from "./frame-sender.ts";

/** `server`: the peer is a client. */
export type SessionRole = "server" | "client";

/** Of a stream, as far as its windows are concerned. */
export interface WindowedStream {
  readonly id: number;
  readonly window: ReceiveWindow;
  /** The peer may still send on it. */
  readonly receives: boolean;
}

const {
  minGrownWindowBytes,
  maxWindowBytes,
  maxConnectionWindowBytes,
  maxLentWindowBytes,
  slowReader,
  windowGrowthWithinMs,
  windowBytesPerMs,
} = http2Limits;

/** Of the connection. To a client it grows, because all of it may have to be kept. */
const firstBytes: Record<SessionRole, number> = {
  server: 2 * defaultWindowBytes,
  client: maxConnectionWindowBytes,
};

/** To be sent behind the first SETTINGS: the window of a connection begins smaller (RFC 9113 6.9.2). */
export function openingWindowUpdate(role: SessionRole): Buffer {
  const update = Buffer.alloc(frameHeaderBytes + 4);
  writeFrameHeader(update, 0, 4, FrameType.windowUpdate, 0, 0);
  writeUint32(update, frameHeaderBytes, firstBytes[role] - defaultWindowBytes);
  return update;
}

export class SessionWindows {
  readonly #sender: FrameSender;
  readonly #role: SessionRole;
  readonly #connection: ReceiveWindow;
  #growth: WindowGrowth = growthTo(minGrownWindowBytes, slowReader.windowBytes);
  #connectionGrowth: WindowGrowth = growthTo(minGrownWindowBytes, Infinity);
  /** Bytes that came: of a client those that wait, of a target those in the present read. */
  #arrivedBytes = 0;
  /** For how many of those of a client its window was opened all the same. */
  #lentBytes = 0;
  #closed = false;
  /** When the SETTINGS left whose acknowledgement tells how long the path is; -1: not yet. */
  #askedMs = -1;
  /** How many acknowledgements come before that one. */
  #olderSettings = 1;

  constructor(sender: FrameSender, role: SessionRole, nowMs: number) {
    this.#sender = sender;
    this.#role = role;
    const budget = role === "server" ? windowMemory : null;
    this.#connection = new ReceiveWindow(firstBytes[role], nowMs, budget);
  }

  /** Of a stream. From a target each may grow, and each is counted; a client's are limited by its connection's. */
  newStreamWindow(nowMs: number): ReceiveWindow {
    const budget = this.#role === "client" ? windowMemory : null;
    return new ReceiveWindow(defaultWindowBytes, nowMs, budget);
  }

  /** The peer has seen SETTINGS of ours: the time since then is that of the path, there and back. */
  acknowledged(nowMs: number): void {
    if (this.#olderSettings-- !== 0 || this.#askedMs < 0) return;
    const bytesPerMs = windowBytesPerMs[this.#role === "server" ? "client" : "target"];
    const neededBytes = (nowMs - this.#askedMs) * bytesPerMs;
    const bytes = Math.min(maxWindowBytes, Math.max(minGrownWindowBytes, Math.ceil(neededBytes)));
    this.#growth = growthTo(bytes, slowReader.windowBytes);
    const ofConnection = bytes * (maxConnectionWindowBytes / maxWindowBytes);
    this.#connectionGrowth = growthTo(ofConnection, Infinity);
  }

  /** Somebody wants the body: it may come as fast as others on this connection did. */
  openStream(stream: WindowedStream): void {
    if (this.#role === "client" || !stream.receives) return;
    this.#update(stream.id, stream.window.grow(this.#connection.sizeBytes / 2));
  }

  /** Bytes of DATA came; false when the connection's window did not allow them. */
  receive(bytes: number): boolean {
    this.#arrivedBytes += bytes;
    return this.#connection.receive(bytes);
  }

  /** What came in a read was given to its streams: what they have not taken by now waits until they do. */
  readEnded(nowMs: number): void {
    if (this.#closed) return;
    if (this.#role === "server") {
      if (this.#arrivedBytes !== this.#lentBytes) this.#settle(0, nowMs);
      return;
    }
    const bytes = this.#arrivedBytes;
    this.#arrivedBytes = 0;
    if (bytes > 0) this.#update(0, this.#connection.take(bytes, nowMs, this.#connectionGrowth));
  }

  /** Bytes of a stream are out of the way. */
  taken(stream: WindowedStream, bytes: number, nowMs: number): void {
    if (stream.receives) {
      this.#update(stream.id, stream.window.take(bytes, nowMs, this.#growth));
      if (stream.window.sizeBytes > defaultWindowBytes) this.#askForPath(nowMs);
    }
    this.dropped(bytes, nowMs);
  }

  /** Bytes that came are out of the way, of a stream that is no more. */
  dropped(bytes: number, nowMs: number): void {
    if (this.#role === "client" || this.#closed) return;
    this.#arrivedBytes -= bytes;
    this.#settle(bytes, nowMs);
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
    this.#lend(0);
  }

  /** Opens the connection for what was taken, and for what waits as far as that is lent. */
  #settle(takenBytes: number, nowMs: number): void {
    const before = this.#lentBytes;
    const most = lentWindowMemory.exhausted ? before : maxLentWindowBytes;
    this.#lend(Math.min(this.#arrivedBytes, most));
    const opened = takenBytes + this.#lentBytes - before;
    this.#update(0, this.#connection.settle(takenBytes, opened, nowMs, this.#connectionGrowth));
  }

  #lend(bytes: number): void {
    if (bytes === this.#lentBytes) return;
    lentWindowMemory.add(bytes - this.#lentBytes);
    this.#lentBytes = bytes;
  }

  #update(stream: number, increment: number): void {
    if (increment > 0) this.#sender.number(FrameType.windowUpdate, stream, increment);
  }

  /** Not by the first SETTINGS: a process that has just begun takes longer to answer than the path is. */
  #askForPath(nowMs: number): void {
    if (this.#askedMs >= 0) return;
    this.#askedMs = nowMs;
    this.#sender.frame(FrameType.settings, 0, noSettings);
  }
}

const noSettings = new Uint8Array();

function growthTo(maxBytes: number, slowBytes: number): WindowGrowth {
  return { maxBytes, slowBytes, slowMs: slowReader.withinMs, withinMs: windowGrowthWithinMs };
}
