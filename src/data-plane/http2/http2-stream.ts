/**
 * One stream of an HTTP/2 connection, for both sides (RFC 9113 5.1): its two halves and their ends. What its
 * message means is up to the owner.
 */
import { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import { withoutUnsafeTrailers } from "../../protocols/http/trailers.ts";
import type { FieldSection } from "../../protocols/http2/field-section.ts";
import { ErrorCode } from "../../protocols/http2/frames.ts";
import { Http2Fault, protocolFault } from "../../protocols/http2/http2-fault.ts";
import type { ReceiveWindow } from "../../protocols/http2/receive-window.ts";
import { defaultWindowBytes } from "../../protocols/http2/settings.ts";
import { type FrameSender, type OutgoingOwner, OutgoingStream } from "./frame-sender.ts";
import { IncomingBody, type IncomingBodyOwner } from "./incoming-body.ts";

/** What a stream asks of its connection. */
export interface StreamSession {
  readonly sender: FrameSender;
  /** The time, as exact as a sweep is. */
  readonly coarseMs: number;
  newStreamWindow(): ReceiveWindow;
  /** Somebody wants the body: it may come as fast as others on this connection did. */
  openWindow(stream: Http2Stream): void;
  /** Bytes of a body are out of the way: both windows open again. */
  taken(stream: Http2Stream, bytes: number): void;
  /** Bytes of the present read are kept by somebody. */
  keepRead(): void;
  /** The body is to be flushed behind the present read. */
  flushLater(body: IncomingBody): void;
  sendReset(id: number, code: ErrorCode): void;
  /** The stream is no longer part of the connection. */
  left(stream: Http2Stream): void;
}

/** Who is called when something comes on a stream. */
export interface StreamOwner {
  /**
   * A head, in the client's role: of the last one `hasHead` is set. The server's owner is made of it.
   * Returns why the stream ends.
   */
  onHead(section: FieldSection, endStream: boolean): Http2Fault | null;
  /** Somebody has asked for the body. */
  onBodyStarted(): void;
  /** Nobody wants the rest of the body. */
  onBodyCancelled(): void;
  /** The sink of the body has heard of its end. */
  onBodyDone(): void;
  /** Everything handed over was sent. */
  onSent(): void;
  /**
   * The stream is over before its time: reset by the peer, by a mistake of it, or with its connection.
   * `code` is that of the peer's reset, else `noError`.
   */
  onBroken(error: ExchangeError, code: number): void;
}

export class Http2Stream<Owner extends StreamOwner = StreamOwner>
  implements IncomingBodyOwner, OutgoingOwner
{
  readonly #session: StreamSession;
  readonly owner: Owner;
  readonly id: number;
  readonly outgoing: OutgoingStream;
  /** Most requests have no body: these are made when there is something to hold. */
  #window: ReceiveWindow | null = null;
  #body: IncomingBody | null = null;
  #trailers: Fields | null = null;
  #error: ExchangeError | null = null;
  /** The head has come: what follows are trailers. */
  hasHead: boolean;
  /** The peer has ended its half. */
  remoteEnded = false;
  /** Body bytes that are still to come, when that was announced; else -1. */
  #announcedBytes = -1;
  /** When the stream last got on, either way. */
  sinceMs: number;
  #over = false;

  constructor(session: StreamSession, owner: Owner, id: number, hasHead: boolean) {
    this.#session = session;
    this.owner = owner;
    this.id = id;
    this.hasHead = hasHead;
    this.sinceMs = session.coarseMs;
    this.outgoing = new OutgoingStream(id, session.sender.peer.initialWindowBytes, this);
  }

  get window(): ReceiveWindow {
    this.#window ??= this.#session.newStreamWindow();
    return this.#window;
  }

  get body(): IncomingBody {
    if (this.#body === null) {
      this.#body = new IncomingBody(this);
      if (this.#error !== null) this.#body.abort(this.#error);
      else if (this.remoteEnded) this.#body.end(this.#trailers);
    }
    return this.#body;
  }

  /** It is up to the peer to send more of its body. */
  get wantsBody(): boolean {
    return this.#body !== null && this.#body.wantsBytes;
  }

  /** The sink of the body holds it back. */
  get holdsBody(): boolean {
    return this.#body !== null && this.#body.held;
  }

  get sender(): FrameSender {
    return this.#session.sender;
  }

  /** The peer may still send on it. */
  get receives(): boolean {
    return !this.#over && !this.remoteEnded;
  }

  /** No longer part of its connection. */
  get over(): boolean {
    return this.#over;
  }

  /** What was handed over waits for the peer. */
  get awaitsPeer(): boolean {
    const { waiting } = this.outgoing;
    return waiting !== null && waiting.length > 0;
  }

  set announcedBytes(bytes: number) {
    this.#announcedBytes = bytes;
  }

  // What comes. A fault ends the stream.

  onHeaders(section: FieldSection, endStream: boolean): Http2Fault | null {
    if (this.remoteEnded) return new Http2Fault(ErrorCode.streamClosed, "HEADERS behind the end");
    if (!this.hasHead) {
      const fault = this.owner.onHead(section, endStream);
      return fault ?? (endStream ? this.endRemote(null) : null);
    }
    // RFC 9113 8.1: trailers end the message.
    if (!endStream) return protocolFault("trailers that do not end the stream");
    if (section.malformed !== null) return protocolFault(section.malformed);
    if (section.tooLarge) return protocolFault("trailers too large");
    return this.endRemote(withoutUnsafeTrailers(section.fields));
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): Http2Fault | null {
    const length = end - start;
    const fault = this.#announce(length);
    if (fault !== null) {
      this.bodyTaken(length);
      return fault;
    }
    if (length > 0) {
      this.sinceMs = this.#session.coarseMs;
      this.body.receive(bytes, start, end);
    }
    return endStream ? this.endRemote(null) : null;
  }

  /** Why so many bytes of DATA may not come. */
  #announce(length: number): Http2Fault | null {
    if (this.remoteEnded) return new Http2Fault(ErrorCode.streamClosed, "DATA behind the end");
    if (!this.hasHead) return protocolFault("DATA before the head");
    if (this.#announcedBytes < 0) return null;
    // RFC 9113 8.1.1.
    this.#announcedBytes -= length;
    return this.#announcedBytes < 0 ? protocolFault("a body longer than its Content-Length") : null;
  }

  /** The peer has ended its half, be it with its head. */
  endRemote(trailers: Fields | null): Http2Fault | null {
    if (this.#announcedBytes > 0) return protocolFault("a body shorter than its Content-Length");
    this.remoteEnded = true;
    this.#window?.close();
    this.sinceMs = this.#session.coarseMs;
    this.#trailers = trailers;
    this.#body?.end(trailers);
    this.#closeWhenDone();
    return null;
  }

  /** The peer has reset it, or made a mistake, or is gone. */
  break(error: ExchangeError, code: number): void {
    if (this.#over) return;
    this.#leave();
    this.#error = error;
    this.#body?.abort(error);
    this.owner.onBroken(error, code);
  }

  /** The peer reads no more; what it has sent is still given away. */
  stopSending(): void {
    if (!this.#over) this.#leave();
  }

  // What goes.

  /** The stream is not needed any more, whatever the peer still sends or reads (RFC 9113 8.1). */
  drop(code: ErrorCode): void {
    if (this.#over) return;
    this.#session.sendReset(this.id, code);
    this.#leave();
    this.#body?.discard();
  }

  /** Nobody here can go on: both halves break off. */
  cut(code: ErrorCode): void {
    if (this.#over) return;
    this.#session.sendReset(this.id, code);
    this.break(new ExchangeError("client-gone", "the stream was cut off"), ErrorCode.noError);
  }

  write(bytes: Uint8Array): boolean {
    return this.#session.sender.sendData(this.outgoing, bytes);
  }

  end(trailers: Fields | null): void {
    this.#session.sender.end(this.outgoing, trailers);
    this.#closeWhenDone();
  }

  // The body asks.

  bodyStarted(): void {
    // What is small comes within the first window.
    if (this.#announcedBytes < 0 || this.#announcedBytes > defaultWindowBytes)
      this.#session.openWindow(this);
    this.owner.onBodyStarted();
  }

  bodyTaken(bytes: number): void {
    this.#session.taken(this, bytes);
  }

  bodyDone(): void {
    this.owner.onBodyDone();
  }

  bodyCancelled(): void {
    this.owner.onBodyCancelled();
  }

  keepRead(): void {
    this.#session.keepRead();
  }

  flushLater(): void {
    this.#session.flushLater(this.body);
  }

  outgoingSent(): void {
    this.sinceMs = this.#session.coarseMs;
    this.#closeWhenDone();
    this.owner.onSent();
  }

  /** Takes it out of the connection when both halves have ended. */
  #closeWhenDone(): void {
    if (this.remoteEnded && this.outgoing.closed && !this.#over) this.#leave();
  }

  #leave(): void {
    this.#over = true;
    this.#window?.close();
    this.#session.sender.forget(this.outgoing);
    this.#session.left(this);
  }
}
