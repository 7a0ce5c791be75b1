/**
 * One request on a stream of HTTP/2, or on a second one when the target has not looked at the first: what is
 * sent, how long to wait, when to send again, where the response goes.
 */
import { maxReplayedBytes } from "../../../config/limits.ts";
import type { DeadlineEntry, DeadlineQueue, DeadlineQueues } from "../../../lib/deadline-queue.ts";
import { connectionFaultOf } from "../../../lib/error-text.ts";
import { ListMember } from "../../../lib/member-list.ts";
import { ByteBlocks } from "../../../net/byte-blocks.ts";
import { replayMemory } from "../../../net/unsent-memory.ts";
import { type BodySink, type BodySource, pipe } from "../../../protocols/http/body.ts";
import { announcedLength } from "../../../protocols/http/body-framing.ts";
import {
  brokenBodyError,
  ExchangeError,
  type ExchangeErrorCode,
} from "../../../protocols/http/exchange-error.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { isRepeatable } from "../../../protocols/http/methods.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import type { FieldSection } from "../../../protocols/http2/field-section.ts";
import { ErrorCode } from "../../../protocols/http2/frames.ts";
import { type Http2Fault, protocolFault } from "../../../protocols/http2/http2-fault.ts";
import type { Http2Session } from "../../http2/http2-session.ts";
import { Http2Stream, type StreamOwner } from "../../http2/http2-stream.ts";
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "../upstream-request.ts";
import { http2ResponseFraming } from "./response-framing.ts";

/** A connection to the target, as its calls see it. */
export interface CallConnection {
  readonly session: Http2Session<Http2Call>;
  /** Whether other requests went out on it before the present one. */
  readonly reused: boolean;
  /** The number of a call's stream. */
  nextStream(): number;
  /** The call waits for it no longer. */
  forget(call: Http2Call): void;
}

/** What a call needs of the transport that it belongs to. */
export interface Http2CallContext {
  /** Host and port, for messages. */
  readonly address: string;
  readonly deadlines: DeadlineQueues;
  /** The connection that the call gets, now or when it is open. */
  assign(call: Http2Call, responseTimeoutMs: number): CallConnection;
}

/** A target that refuses a request again and again has a reason. */
const maxRepeats = 2;

export class Http2Call
  extends ListMember
  implements UpstreamCall, StreamOwner, BodySink, DeadlineEntry
{
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly passesOn = true;
  readonly #context: Http2CallContext;
  readonly #request: UpstreamRequest;
  readonly #receiver: ResponseReceiver;
  #connection: CallConnection | null = null;
  #stream: Http2Stream<Http2Call> | null = null;
  #reused = false;
  #repeats = 0;
  /** Where the request body comes from, once it was asked for. */
  #source: BodySource | null = null;
  /** Bytes of the body that are still to come, when that is known; else -1. */
  #remaining: number;
  /** What was sent of the body, to be sent again; null when it is too much, or when all calls keep too much. */
  #replay: ByteBlocks | null;
  #bodyEnded = false;
  #trailers: Fields | null = null;
  #hasHead = false;
  #over = false;
  /** While `begin` runs, the sender does not have the call yet: errors are reported after it. */
  #starting = true;
  #cancelled = false;

  constructor(context: Http2CallContext, request: UpstreamRequest, receiver: ResponseReceiver) {
    super();
    this.#context = context;
    this.#request = request;
    this.#receiver = receiver;
    this.#bodyEnded = request.body === null;
    this.#remaining = announcedLength(request.framing);
    this.#replay = request.body === null ? null : new ByteBlocks(replayMemory);
  }

  begin(): void {
    this.#connection = this.#context.assign(this, this.#request.responseTimeoutMs);
    this.#starting = false;
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#over) return;
    this.#finish();
    if (this.#stream === null) this.#connection?.forget(this);
    else this.#stream.drop(ErrorCode.cancel);
    this.#stopBody();
  }

  // The connection.

  onConnection(connection: CallConnection): void {
    if (this.#over) return;
    const { session } = connection;
    this.#reused = connection.reused;
    const stream = new Http2Stream(session, this, connection.nextStream(), false);
    session.streams.add(stream);
    this.#stream = stream;
    this.#sendHead(stream);
    const { body } = this.#request;
    if (this.#source !== null || this.#bodyEnded) this.#sendAgain(stream);
    else if (body !== null) pipe(body, this);
    if (this.#bodyEnded) this.#requestSent();
  }

  onConnectFailed(error: Error): void {
    this.#fail("connect-failed", `connect: ${connectionFaultOf(error)}`);
  }

  onConnectTimeout(): void {
    this.#fail("connect-timeout", "connect: timed out");
  }

  /** The target has not looked at the request, and says so. */
  onUnprocessed(reason: string): void {
    const stream = this.#stream;
    if (this.#over || stream === null) return;
    this.#stream = null;
    stream.drop(ErrorCode.cancel);
    if (!this.#repeat()) this.#fail("connection-lost", reason);
  }

  /** The time for the response head is over. */
  onDeadline(): void {
    const { responseTimeoutMs } = this.#request;
    this.#stream?.drop(ErrorCode.cancel);
    this.#fail("response-timeout", `no response within ${responseTimeoutMs} ms`);
  }

  // The request goes out.

  #sendHead(stream: Http2Stream): void {
    const { head, framing } = this.#request;
    const { sender } = stream;
    const { encoder } = sender;
    encoder.begin();
    encoder.field(":method", head.method);
    encoder.field(":scheme", "http");
    encoder.field(":authority", head.authority);
    encoder.field(":path", head.target);
    sender.addFields(head.received, head.dropped);
    const { added } = head;
    for (let i = 0; i < added.length; i += 2) {
      sender.addField(added[i]!.toLowerCase(), added[i + 1]!);
    }
    if (framing.kind === "length") encoder.field("content-length", String(framing.length));
    sender.sendBlock(stream.outgoing, this.#request.body === null);
  }

  attach(source: BodySource): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#bodyEnded) return true;
    if (this.#remaining >= 0) {
      this.#remaining -= chunk.length;
      if (this.#remaining < 0) {
        this.#breakBody("request body is longer than its Content-Length");
        return true;
      }
    }
    const replay = this.#replay;
    if (replay !== null) {
      const isSmall = replay.length + chunk.length <= maxReplayedBytes;
      if (isSmall && replayMemory.fits(replay.memoryFor(chunk.length))) replay.append(chunk);
      else this.#forgetReplay();
    }
    // Between two connections the body waits.
    return this.#stream === null ? false : this.#stream.write(chunk);
  }

  flush(): void {}

  end(trailers: Fields | null): void {
    if (this.#over || this.#bodyEnded) return;
    if (this.#remaining > 0) {
      this.#breakBody("request body is shorter than its Content-Length");
      return;
    }
    this.#bodyEnded = true;
    this.#trailers = trailers;
    this.#stream?.end(trailers);
    this.#requestSent();
  }

  abort(error: Error): void {
    if (this.#over || this.#bodyEnded) return;
    this.#source = null;
    this.#stream?.drop(ErrorCode.cancel);
    this.#failWith(brokenBodyError(error));
  }

  /** The target's time begins when everything has been sent. */
  #requestSent(): void {
    const { responseTimeoutMs } = this.#request;
    const isSent = this.#stream !== null && this.#stream.outgoing.closed;
    if (!isSent || this.#over || this.#hasHead || this.deadlineQueue !== null) return;
    if (responseTimeoutMs > 0) this.#context.deadlines.of(responseTimeoutMs).add(this);
  }

  onSent(): void {
    if (this.#bodyEnded) this.#requestSent();
    else this.#source?.resume();
  }

  // The response comes in.

  onHead(section: FieldSection, endStream: boolean): Http2Fault | null {
    if (section.malformed !== null) return protocolFault(section.malformed);
    if (section.tooLarge) return protocolFault("response head too large");
    const status = section.status ?? "";
    if (!/^[1-9]\d\d$/.test(status) || status === "101") return protocolFault("no valid :status");
    const { fields } = section;
    const code = Number(status);
    if (code < 200) {
      if (endStream) return protocolFault("an informational response that ends the stream");
      this.#receiver.onInformational(code, reasonPhrase(code), fields);
      return null;
    }
    const framing = http2ResponseFraming(this.#request.head.method, code, fields);
    if (framing === undefined) return protocolFault("invalid Content-Length");
    const stream = this.#stream!;
    if (framing.kind === "none") stream.announcedBytes = 0;
    else if (framing.kind === "length") stream.announcedBytes = framing.length;
    stream.hasHead = true;
    this.#hasHead = true;
    this.#forgetReplay();
    this.deadlineQueue?.delete(this);
    const head = { status: code, reason: reasonPhrase(code), fields };
    const sink = this.#receiver.onHead(head, framing);
    // The receiver may have given the request up.
    if (!this.#over) pipe(stream.body, sink);
    return null;
  }

  onBodyStarted(): void {}

  /** Nobody wants the rest of the response: whoever says so cancels the call as well. */
  onBodyCancelled(): void {}

  onBodyDone(): void {
    if (this.#over) return;
    this.#finish();
    const stream = this.#stream!;
    if (!stream.outgoing.closed) {
      stream.drop(ErrorCode.noError);
      this.#stopBody();
    }
    this.#receiver.onComplete();
  }

  onBroken(error: ExchangeError, code: number): void {
    if (this.#over) return;
    this.#stream = null;
    if (!this.#hasHead) {
      const isLost = error.code === "connection-lost" && code === ErrorCode.noError;
      const mayRepeat =
        code === ErrorCode.refusedStream ||
        (isLost && this.#reused && isRepeatable(this.#request.head.method));
      if (mayRepeat && this.#repeat()) return;
    }
    this.#fail(error.code, error.message);
  }

  // Again, and the end.

  /** Another connection gets it, unless too much of its body is gone. */
  #repeat(): boolean {
    const { body, rewindBody } = this.#request;
    if (++this.#repeats > maxRepeats) return false;
    if (body !== null && this.#replay === null) {
      if (rewindBody === null) return false;
      this.#stopBody();
      this.#source = null;
      this.#bodyEnded = false;
      this.#remaining = announcedLength(this.#request.framing);
      this.#request.body = rewindBody();
    }
    this.deadlineQueue?.delete(this);
    this.#connection = this.#context.assign(this, this.#request.responseTimeoutMs);
    return true;
  }

  /** What the last stream was sent of the body. */
  #sendAgain(stream: Http2Stream): void {
    if (this.#request.body === null) return;
    let takesMore = true;
    for (const bytes of this.#replay?.views() ?? []) takesMore = stream.write(bytes);
    if (this.#bodyEnded) stream.end(this.#trailers);
    else if (takesMore) this.#source?.resume();
  }

  #breakBody(message: string): void {
    this.#stream?.drop(ErrorCode.cancel);
    this.#failWith(new ExchangeError("malformed-request", message));
  }

  #fail(code: ExchangeErrorCode, message: string): void {
    const { address } = this.#context;
    const text = message.startsWith(address) ? message : `${address}: ${message}`;
    this.#failWith(new ExchangeError(code, text));
  }

  #failWith(error: ExchangeError): void {
    if (this.#over) return;
    this.#finish();
    this.#stopBody();
    if (this.#starting) queueMicrotask(() => this.#report(error));
    else this.#report(error);
  }

  #report(error: ExchangeError): void {
    if (!this.#cancelled) this.#receiver.onError(error);
  }

  #finish(): void {
    this.#over = true;
    this.deadlineQueue?.delete(this);
    this.#forgetReplay();
  }

  #forgetReplay(): void {
    this.#replay?.clear();
    this.#replay = null;
  }

  #stopBody(): void {
    const source = this.#source;
    this.#source = null;
    if (!this.#bodyEnded) source?.cancel();
  }
}
