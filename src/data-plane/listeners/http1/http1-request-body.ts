/** The body of one request on an HTTP/1.1 connection: what the connection receives goes into a sink. */
import { maxDiscardBytes } from "../../../config/limits.ts";
import type { BodySink, BodySource } from "../../../protocols/http/body.ts";
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import { ChunkedDecoder, chunkedLimits } from "../../../protocols/http1/chunked.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { LaneMember, type LaneTransfer, bodyLane } from "../../../net/body-lane.ts";
import { chunkUnits } from "../../../net/work-budget.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import type { ExchangeConnection } from "./exchange-connection.ts";

/** A read of so many bytes says that more is waiting. */
const laneReadBytes = 60 * 1024;

export interface Http1RequestBodyOwner {
  /** The client waits to be told to send (RFC 9110 10.1.1). */
  sendContinue(): void;
  /** The whole body was read. */
  requestBodyEnded(): void;
  /** Where the body ends can't be told, or it is not worth reading on: no further request follows. */
  requestBodyBroken(): void;
}

/**
 * `waiting`: nobody has asked for it; `held`: the sink holds it back; `discarding`: nobody wants it;
 * `confirming`: all of it has come, and whether the client still waits for the answer is found out.
 */
type Flow = "waiting" | "flowing" | "held" | "discarding" | "confirming" | "done";

export class Http1RequestBody extends LaneMember implements BodySource, LaneTransfer {
  readonly #connection: ExchangeConnection;
  readonly #owner: Http1RequestBodyOwner;
  readonly #decoder: ChunkedDecoder | null;
  #remaining: number;
  #flow: Flow;
  #sink: BodySink | null = null;
  #discardedBytes = 0;
  /** So much goes from socket to socket that ordinary reads are only needed in between. */
  #byLane = false;
  /** Its last byte went that way: reading goes on when the lane has been left. */
  #endedByLane = false;
  /** It waited so long that the client may have left meanwhile, unseen behind unread bytes. */
  #clientUncertain = false;
  /** A byte of it has come. */
  begun = false;
  /** It was malformed: what follows it can't be told from it. */
  malformed = false;

  constructor(framing: BodyFraming, connection: ExchangeConnection, owner: Http1RequestBodyOwner) {
    super();
    this.#connection = connection;
    this.#owner = owner;
    this.#decoder = framing.kind === "chunked" ? new ChunkedDecoder(this, chunkedLimits) : null;
    this.#remaining = framing.kind === "length" ? framing.length : 0;
    this.#flow = this.#decoder === null && this.#remaining === 0 ? "done" : "waiting";
  }

  /** Bytes are wanted now. */
  get wantsBytes(): boolean {
    return this.#flow === "flowing" || this.#flow === "discarding";
  }

  /** The sink holds it back. */
  get held(): boolean {
    return this.#flow === "held";
  }

  get done(): boolean {
    return this.#flow === "done";
  }

  /** Whether what is left may be read and thrown away to keep the connection. */
  get restIsSmall(): boolean {
    if (this.#flow === "done") return true;
    if (this.#decoder !== null) return this.#flow !== "waiting" && this.#flow !== "discarding";
    return this.#remaining <= maxDiscardBytes;
  }

  start(sink: BodySink): void {
    if (this.#flow === "done") {
      sink.end(null);
      return;
    }
    this.#sink = sink;
    this.#flow = "flowing";
    this.#clientUncertain = this.#connection.input.paused;
    this.#owner.sendContinue();
    this.#connection.input.pump();
  }

  pause(): void {
    if (this.#flow !== "flowing") return;
    this.#flow = "held";
    this.#connection.input.hold();
  }

  resume(): void {
    if (this.#flow !== "held") return;
    this.#flow = "flowing";
    if (!this.#byLane || !bodyLane.enter(this)) this.#connection.input.pump();
  }

  cancel(): void {
    this.discard();
    this.#connection.input.pump();
  }

  // The lane: large bodies go from socket to socket.

  enterLane(readBytes: number): void {
    this.#byLane = readBytes >= laneReadBytes && bodyLane.enter(this);
    if (this.#byLane) this.#connection.input.hold();
  }

  get laneSource(): number {
    return this.#connection.readDescriptor;
  }

  get laneSink(): number {
    return this.#flow === "flowing" ? (this.#sink!.descriptor ?? -1) : -1;
  }

  get laneLimit(): number {
    // The last byte waits until it is known whether the client is still there.
    return this.#clientUncertain ? this.#remaining - 1 : this.#remaining;
  }

  moved(bytes: number): void {
    this.#sink!.passed!(bytes);
    this.#connection.progressed();
    this.#wentByLane(bytes);
  }

  undelivered(bytes: Buffer): void {
    this.#handOn(bytes);
    this.#sink?.flush();
    this.#wentByLane(bytes.length);
  }

  leftLane(): void {
    if (this.wantsBytes || this.#endedByLane) this.#connection.input.pump();
  }

  #wentByLane(bytes: number): void {
    this.#remaining -= bytes;
    if (this.#remaining > 0) return;
    this.#endedByLane = true;
    this.#finish(null);
  }

  /** Nobody reads the rest. */
  discard(): void {
    this.#sink = null;
    if (this.#flow === "confirming") this.#flow = "done";
    else if (this.#flow !== "done") this.#flow = "discarding";
  }

  /** The client has gone before the end. */
  abort(): void {
    this.#break(new ExchangeError("client-gone", "the client went away"));
  }

  /** The target has not taken a byte for too long. */
  giveUp(): void {
    this.#owner.requestBodyBroken();
    const message = "the target reads no more of the upload";
    this.#break(new ExchangeError("response-timeout", message));
  }

  /** Takes bytes from `offset`; returns the index behind the last one that it took. */
  receive(bytes: Buffer, offset: number): number {
    this.begun = true;
    const end = this.#decoder === null ? this.#take(bytes, offset) : this.#decode(bytes, offset);
    if (this.#flow !== "done") this.#sink?.flush();
    return end;
  }

  /** Chunk data from the decoder. */
  onChunk(data: Uint8Array): boolean {
    this.#handOn(data);
    return this.#connection.input.mayReadOn(chunkUnits);
  }

  #handOn(data: Uint8Array): void {
    const sink = this.#sink;
    if (sink === null) {
      this.#discarded(data.length);
      return;
    }
    const free = sink.write(data);
    if (!free) this.pause();
    if (!sink.passesOn) this.#connection.input.keepRead();
  }

  #take(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + this.#remaining);
    this.#remaining -= end - offset;
    const piece = offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end);
    if (this.#remaining > 0) this.#handOn(piece);
    else this.#allCame(piece, null);
    return end;
  }

  #decode(bytes: Buffer, offset: number): number {
    const decoder = this.#decoder!;
    const end = decoder.feed(bytes, offset);
    if (end instanceof HeadFault) {
      this.malformed = true;
      this.#owner.requestBodyBroken();
      this.#break(new ExchangeError("malformed-request", end.reason));
      return bytes.length;
    }
    if (decoder.done) this.#allCame(null, decoder.trailers);
    return end;
  }

  /** Without its last piece the target has no whole request: a client that has left sends none. */
  #allCame(lastPiece: Uint8Array | null, trailers: Fields | null): void {
    if (!this.#clientUncertain || this.#sink === null) {
      this.#complete(lastPiece, trailers);
      return;
    }
    this.#flow = "confirming";
    this.#connection.input.keepRead();
    this.#connection.afterNextRead(() => {
      if (this.#flow !== "confirming") return;
      this.#flow = "flowing";
      this.#complete(lastPiece, trailers);
    });
  }

  #complete(lastPiece: Uint8Array | null, trailers: Fields | null): void {
    if (lastPiece !== null) this.#handOn(lastPiece);
    this.#finish(trailers);
  }

  #finish(trailers: Fields | null): void {
    const wasHeld = this.#flow === "held";
    this.#flow = "done";
    const sink = this.#sink;
    this.#sink = null;
    sink?.end(trailers);
    // A sink that held the last bytes back resumes no more, and who does not read misses a client that leaves.
    if (wasHeld) this.#connection.input.pump();
    this.#owner.requestBodyEnded();
  }

  #break(error: ExchangeError): void {
    if (this.#flow === "done") return;
    this.#flow = "done";
    const sink = this.#sink;
    this.#sink = null;
    sink?.abort(error);
  }

  #discarded(count: number): void {
    this.#discardedBytes += count;
    if (this.#discardedBytes > maxDiscardBytes) this.#owner.requestBodyBroken();
  }
}
