/**
 * What both sides of an HTTP/2 connection have in common (RFC 9113): the streams, settings, windows, PING,
 * and the measures against peers that keep others from being served.
 */
import { http2Limits } from "../../config/http2-limits.ts";
import { maxFieldCount, maxTrailerBytes } from "../../config/limits.ts";
import type { WritableSocket } from "../../net/unsent-bytes.ts";
import { chunkUnits, requestUnits } from "../../net/work-budget.ts";
import { ExchangeError } from "../../protocols/http/exchange-error.ts";
import { FieldSection, type FieldSectionLimits } from "../../protocols/http2/field-section.ts";
import { FrameDecoder, type FrameHandler } from "../../protocols/http2/frame-decoder.ts";
import { ErrorCode, FrameFlag, FrameType } from "../../protocols/http2/frames.ts";
import { HpackDecoder } from "../../protocols/http2/hpack-decoder.ts";
import { Http2Fault, protocolFault } from "../../protocols/http2/http2-fault.ts";
import type { ReceiveWindow } from "../../protocols/http2/receive-window.ts";
import { applySettings } from "../../protocols/http2/settings.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FrameSender } from "./frame-sender.ts";
import type { Http2Stream, StreamOwner, StreamSession } from "./http2-stream.ts";
import { RecentResets } from "./recent-resets.ts";
import { type InputOwner, type InputSocket, SessionInput } from "./session-input.ts";
import { type SessionRole, SessionWindows } from "./session-windows.ts";
import { StreamTable } from "./stream-table.ts";
import type { IncomingBody } from "./incoming-body.ts";

export interface SessionOwner extends InputOwner {
  /** The head of a new stream, in `section`. Returns why the connection ends. */
  onNewStream(id: number, endStream: boolean): Http2Fault | null;
  /** Whether a stream that is not open never was. */
  isIdle(id: number): boolean;
  onPingAck(): void;
  onGoAway(lastStream: number, code: number): void;
  /** A stream was taken out of the connection. */
  onStreamLeft(): void;
}

/** One for all connections of a listener. */
export interface SessionOptions {
  role: SessionRole;
  headLimits: FieldSectionLimits;
  /** Milliseconds, exact. */
  nowMs(): number;
  /** The same, as exact as a sweep is; free to read. */
  coarseMs(): number;
}

/** Of heads with so many bytes. */
export function headLimitsOf(maxBytes: number): FieldSectionLimits {
  const { maxHeadExpansionBytes: maxExpansionBytes } = http2Limits;
  return { maxBytes, maxExpansionBytes, maxFields: maxFieldCount };
}

const trailerLimits = headLimitsOf(maxTrailerBytes);

/** One for all: a block is read in one go, and its fields are gone with the next. */
const section = new FieldSection();

/** `Owner`: that of each of its streams. */
export class Http2Session<Owner extends StreamOwner> implements FrameHandler, StreamSession {
  readonly #owner: SessionOwner;
  readonly #options: SessionOptions;
  readonly sender: FrameSender;
  readonly input: SessionInput;
  readonly streams = new StreamTable<Http2Stream<Owner>>();
  readonly #frames: FrameDecoder;
  readonly #hpack = new HpackDecoder();
  readonly #headLimits: FieldSectionLimits;
  readonly #windows: SessionWindows;
  readonly #floods: FloodGuard;
  readonly #resets = new RecentResets();
  /** Bytes of the present read are still needed by somebody. */
  #readKept = false;
  #reading = false;
  /** When the present read began. */
  #readMs = 0;
  /** Bodies of which something was given away since they were flushed. */
  #toFlush: IncomingBody[] = [];

  constructor(owner: SessionOwner, socket: WritableSocket & InputSocket, options: SessionOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#headLimits = options.headLimits;
    this.sender = new FrameSender(socket);
    // A target may end right behind an answer: what comes before the end is to be read before.
    const unpausedBytes = options.role === "server" ? http2Limits.unpausedBytes : 0;
    this.input = new SessionInput(this, socket, owner, unpausedBytes);
    const nowMs = options.coarseMs();
    this.#windows = new SessionWindows(this.sender, options.role, options.nowMs());
    this.#floods = new FloodGuard(this.sender, nowMs);
    // A head that is too large is read to its end, so that it can be refused; one without end is not.
    this.#frames = new FrameDecoder(this, { maxHeaderBlockBytes: 2 * options.headLimits.maxBytes });
  }

  /** What the block says that `onNewStream` is about. */
  get section(): FieldSection {
    return section;
  }

  get coarseMs(): number {
    return this.#options.coarseMs();
  }

  /** Number of the head that has begun and is not complete; 0: none. */
  get openHead(): number {
    return this.#frames.openBlock;
  }

  // Reading.

  /** Reads frames; returns the index behind what was used, or why the connection ends. */
  read(bytes: Buffer, offset: number): number | Http2Fault {
    this.#readKept = false;
    this.#reading = true;
    this.#readMs = this.#options.nowMs();
    const end = this.#frames.feed(bytes, offset);
    this.#reading = false;
    this.#flushBodies();
    this.#windows.readEnded(this.#readMs);
    return end;
  }

  /** Somebody keeps bytes of the last read. */
  get readKept(): boolean {
    return this.#readKept;
  }

  keepRead(): void {
    this.#readKept = true;
  }

  flushLater(body: IncomingBody): void {
    this.#toFlush.push(body);
    // What waited is given away when its sink asks for it.
    if (!this.#reading && this.#toFlush.length === 1) queueMicrotask(() => this.#flushBodies());
  }

  #flushBodies(): void {
    if (this.#toFlush.length === 0) return;
    const bodies = this.#toFlush;
    this.#toFlush = [];
    for (const body of bodies) body.flush();
  }

  // Streams.

  newStreamWindow(): ReceiveWindow {
    return this.#windows.newStreamWindow(this.coarseMs);
  }

  openWindow(stream: Http2Stream): void {
    this.#windows.openStream(stream);
  }

  taken(stream: Http2Stream, bytes: number): void {
    const nowMs = this.#reading ? this.#readMs : this.#options.nowMs();
    this.#windows.taken(stream, bytes, nowMs);
  }

  sendReset(id: number, code: ErrorCode): void {
    this.sender.number(FrameType.resetStream, id, code);
    this.#resets.add(id);
  }

  left(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.#owner.onStreamLeft();
  }

  /** The connection is gone: so are its streams. */
  close(error: ExchangeError): void {
    this.input.stop();
    this.#windows.close();
    this.sender.writer.close();
    for (const stream of this.streams.all()) stream.break(error, ErrorCode.noError);
  }

  /** The stream was reset here, and the peer may not know yet. Ours are all ended by us or by the target. */
  #isForgotten(id: number): boolean {
    return this.#options.role === "client" || this.#resets.has(id);
  }

  #spendControl(units: number): Http2Fault | null {
    return this.#floods.control(units, this.coarseMs);
  }

  /** Of a client; a target may break off as it likes. */
  #spendBroken(): Http2Fault | null {
    return this.#options.role === "client" ? null : this.#floods.broken(this.coarseMs);
  }

  // Frames.

  mayGoOn(): boolean {
    return this.input.mayGoOn(chunkUnits);
  }

  onData(
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endStream: boolean,
  ): Http2Fault | null {
    if (!this.#windows.receive(flowBytes)) return windowExceeded;
    const stream = this.streams.get(id);
    if (stream === undefined && this.#owner.isIdle(id)) return onIdle("DATA");
    if (stream === undefined || !stream.window.receive(flowBytes)) {
      this.#windows.dropped(flowBytes, this.#readMs);
      if (stream !== undefined) return this.onStreamFault(id, windowExceeded);
      return this.#isForgotten(id) ? null : behindEnd("DATA");
    }
    if (end === start && !endStream) {
      const flood = this.#spendControl(1);
      if (flood !== null) return flood;
    }
    const padding = flowBytes - (end - start);
    if (padding > 0) this.taken(stream, padding);
    const fault = stream.onData(bytes, start, end, endStream);
    return fault === null ? null : this.onStreamFault(id, fault);
  }

  onHeaders(
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    dependency: number,
  ): Http2Fault | null {
    this.input.mayGoOn(requestUnits);
    const stream = this.streams.get(id);
    const isTrailers = stream !== undefined && stream.hasHead;
    const kind = stream === undefined ? "request" : isTrailers ? "trailers" : "response";
    section.begin(kind, end - start, isTrailers ? trailerLimits : this.#headLimits);
    // A block is read whatever becomes of it: the next ones build on it (RFC 9113 4.3).
    const reason = this.#hpack.decode(bytes, start, end, section);
    section.end();
    if (reason !== null) {
      const code = section.tooLarge ? ErrorCode.enhanceYourCalm : ErrorCode.compressionError;
      return new Http2Fault(code, reason);
    }
    if (dependency === id) return this.onStreamFault(id, selfDependent);
    if (stream === undefined) {
      if (!this.#owner.isIdle(id) && this.#isForgotten(id)) return null;
      return this.#owner.onNewStream(id, endStream);
    }
    const fault = stream.onHeaders(section, endStream);
    return fault === null ? null : this.onStreamFault(id, fault);
  }

  onContinuation(payloadBytes: number): Http2Fault | null {
    return payloadBytes < 1_024 ? this.#spendControl(1) : null;
  }

  onIgnored(): Http2Fault | null {
    return this.#spendControl(1);
  }

  /** Also for the mistakes that a stream finds itself. */
  onStreamFault(id: number, fault: Http2Fault): Http2Fault | null {
    const flood = this.#spendBroken();
    if (flood !== null) return flood;
    const stream = this.streams.get(id);
    // What is idle or closed can't be broken, but the peer is to know.
    this.sendReset(id, fault.code);
    const isTarget = this.#options.role === "client";
    const code = isTarget ? "malformed-response" : "malformed-request";
    stream?.break(new ExchangeError(code, fault.reason), ErrorCode.noError);
    return null;
  }

  onReset(id: number, code: number): Http2Fault | null {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      return this.#owner.isIdle(id) ? onIdle("RST_STREAM") : this.#spendControl(1);
    }
    if (this.#options.role === "client") {
      // Its answer is complete, and it reads no more of the request (RFC 9113 8.1).
      if (stream.remoteEnded) stream.stopSending();
      else stream.break(new ExchangeError("connection-lost", `reset with code ${code}`), code);
      return null;
    }
    stream.break(new ExchangeError("client-gone", "the client went away"), code);
    return this.#spendBroken();
  }

  onSettings(bytes: Buffer, start: number, end: number): Http2Fault | null {
    const flood = this.#spendControl(1 + (end - start) / 60);
    if (flood !== null) return flood;
    const { sender } = this;
    const before = sender.peer.initialWindowBytes;
    const fault = applySettings(sender.peer, bytes, start, end);
    if (fault !== null) return fault;
    sender.encoder.peerTableBytes = sender.peer.headerTableBytes;
    const change = sender.peer.initialWindowBytes - before;
    sender.frame(FrameType.settings, FrameFlag.ack, nothing);
    if (change !== 0) {
      // RFC 9113 6.9.2: those that are open change as well.
      for (const { outgoing } of this.streams.all()) {
        if (!sender.widenStream(outgoing, change)) return windowTooLarge;
      }
    }
    return null;
  }

  onSettingsAck(): Http2Fault | null {
    this.#windows.acknowledged(this.#options.nowMs());
    return this.#spendControl(1);
  }

  onPing(bytes: Buffer, start: number, isAck: boolean): Http2Fault | null {
    const fault = this.#spendControl(1);
    if (fault !== null) return fault;
    if (isAck) this.#owner.onPingAck();
    else this.sender.frame(FrameType.ping, FrameFlag.ack, bytes.subarray(start, start + 8));
    return null;
  }

  onGoAway(lastStream: number, code: number): Http2Fault | null {
    const fault = this.#spendControl(1);
    if (fault === null) this.#owner.onGoAway(lastStream, code);
    return fault;
  }

  onWindowUpdate(id: number, increment: number): Http2Fault | null {
    const fault = this.#spendControl(1);
    if (fault !== null) return fault;
    if (id === 0) return this.sender.widen(increment) ? null : windowTooLarge;
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#owner.isIdle(id) ? onIdle("WINDOW_UPDATE") : null;
    if (this.sender.widenStream(stream.outgoing, increment)) return null;
    return this.onStreamFault(id, windowTooLarge);
  }
}

const nothing = new Uint8Array();
const windowExceeded = new Http2Fault(ErrorCode.flowControlError, "more than the window allows");
const windowTooLarge = new Http2Fault(ErrorCode.flowControlError, "window too large");
const selfDependent = protocolFault("a stream depends on itself");

function onIdle(what: string): Http2Fault {
  return protocolFault(`${what} of a stream that is idle`);
}

function behindEnd(what: string): Http2Fault {
  return new Http2Fault(ErrorCode.streamClosed, `${what} of a stream that has ended`);
}
