/**
 * One request on its way through a connection, or a second one when a reused connection turns out to be
 * dead: what is written, how long to wait, when to send again, where the response goes.
 * One object per request plays all parts, so that a stale `resume` or `cancel` never touches the next
 * request on the same connection.
 */
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import { type BodySink, type BodySource, pipe } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import { isSwitchTo } from "../../../protocols/http/hop-by-hop.ts";
import type { ResponseHead } from "../../../protocols/http/message-head.ts";
import type { VersionedResponseHead } from "../../../protocols/http1/response-head.ts";
import { requestHeadText } from "./request-head.ts";
import { connectionLifeMs } from "../../../protocols/http1/connection-life.ts";
import type { DeadlineEntry, DeadlineQueue, DeadlineQueues } from "../../../lib/deadline-queue.ts";
import { connectionFaultOf } from "../../../lib/error-text.ts";
import { releaseReceived } from "../../../net/received-buffer.ts";
import { LaneMember, type LaneTransfer, bodyLane } from "../../../net/body-lane.ts";
import { SocketDuplex } from "../../../net/socket-duplex.ts";
import { chunkUnits } from "../../../net/work-budget.ts";
import type { Connection, ServedCall } from "./connection.ts";
import { RequestBody, type RequestBodyOwner } from "./request-body.ts";
import { ExchangeError, type ExchangeErrorCode } from "../../../protocols/http/exchange-error.ts";
import { isRepeatable } from "../../../protocols/http/methods.ts";
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "../upstream-request.ts";

/** What a call needs of the transport that it belongs to. */
export interface CallContext {
  /** Host and port, for messages. */
  readonly address: string;
  readonly deadlines: DeadlineQueues;
  /** Sends the call over a new connection. */
  connect(call: ServedCall, responseTimeoutMs: number): Connection;
}

export class Call
  extends LaneMember
  implements UpstreamCall, BodySource, ServedCall, RequestBodyOwner, DeadlineEntry, LaneTransfer
{
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly #context: CallContext;
  readonly #request: UpstreamRequest;
  readonly #receiver: ResponseReceiver;
  #connection: Connection | null = null;
  #body: BodySource | null;
  #requestBody: RequestBody | null = null;
  #requestEnded = false;
  #requestSent = false;
  /** Bytes that the connection had sent before this request. */
  #takenBefore = 0;
  #sink: BodySink | null = null;
  /** Bytes of the present read are still needed by somebody. */
  #readKept = false;
  /** Of the body so much goes from socket to socket that ordinary reads are only needed in between. */
  #byLane = false;
  /** The sink holds the response back. */
  #held = false;
  /** How long the connection may be kept afterwards. */
  #lifeMs = 0;
  #over = false;
  /** While `begin` runs, the sender does not have the call yet: errors are reported after it. */
  #starting = true;
  #cancelled = false;

  constructor(context: CallContext, request: UpstreamRequest, receiver: ResponseReceiver) {
    super();
    this.#context = context;
    this.#request = request;
    this.#receiver = receiver;
    this.#body = request.body;
  }

  /** Begins with an idle connection, or with a new one when there is none. */
  begin(idle: Connection | null): void {
    if (idle === null) this.#connect();
    else idle.serve(this);
    this.#starting = false;
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#over) return;
    this.#finish();
    this.#connection?.destroy();
    this.#requestBody?.stop();
  }

  // The connection: the request goes out.

  onReady(connection: Connection): void {
    const request = this.#request;
    const { writer } = connection;
    this.#connection = connection;
    this.#takenBefore = writer.takenBytes;
    connection.expectResponse(request.head.method);
    writer.writeText(requestHeadText(request.head, request.framing, request.upgrade));
    if (this.#body === null) {
      this.#requestEnded = true;
    } else {
      this.#requestBody = new RequestBody(request.framing, writer, this);
      pipe(this.#body, this.#requestBody);
    }
    // Of a body that comes in the present read of its client, the head is sent with the first bytes.
    if (this.#requestEnded) this.#sendStart(connection);
    else queueMicrotask(() => this.#sendStart(connection));
  }

  #sendStart(connection: Connection): void {
    // The body may have broken off at its start.
    if (this.#over || this.#connection !== connection) return;
    connection.writer.flushSoon();
    if (this.#requestEnded) this.#onRequestWritten();
  }

  onRequestBodyEnd(): void {
    this.#requestEnded = true;
    this.#onRequestWritten();
  }

  onRequestBodyBroken(error: ExchangeError): void {
    this.#failWith(error);
  }

  onDrained(): void {
    if (this.#requestEnded) this.#onRequestWritten();
    else this.#requestBody?.onDrained();
  }

  onConnectFailed(error: Error): void {
    this.#fail("connect-failed", `connect: ${connectionFaultOf(error)}`);
  }

  onConnectTimeout(): void {
    this.#fail("connect-timeout", "connect: timed out");
  }

  /** The time for the response head is over. */
  onDeadline(): void {
    if (!this.#isTaken) {
      this.#requestSent = false;
      return;
    }
    this.#fail("response-timeout", `no response within ${this.#request.responseTimeoutMs} ms`);
  }

  onLost(error: Error | null): void {
    if (this.#over) return;
    if (this.#mayRepeat()) {
      this.#repeat();
      return;
    }
    const reason = error === null ? "closed by the target" : connectionFaultOf(error);
    this.#fail("connection-lost", `connection lost before the response was complete: ${reason}`);
  }

  // The connection: the response comes in.

  onInformational(head: ResponseHead): void {
    this.#receiver.onInformational(head.status, head.reason, head.fields);
  }

  onSwitch(head: ResponseHead, rest: Uint8Array): void {
    const asked = this.#request.upgrade;
    const connection = this.#connection!;
    if (asked === null || !this.#requestSent || !isSwitchTo(asked, head.fields)) {
      this.#fail("unexpected-upgrade", "switched to a protocol that was not asked for");
      return;
    }
    this.#finish();
    const { writer } = connection;
    const socket = connection.detach();
    const duplex = new SocketDuplex(socket, writer, rest, {
      breakOff: () => socket.terminate(),
      closed: () => {},
    });
    socket.data = duplex;
    this.#receiver.onUpgrade(head, duplex);
  }

  onHead(head: VersionedResponseHead, framing: BodyFraming): void {
    this.deadlineQueue?.delete(this);
    this.#lifeMs = framing.kind === "until-close" ? 0 : connectionLifeMs(head);
    const sink = this.#receiver.onHead(head, framing);
    // The receiver may have given the request up.
    if (!this.#over) pipe(this, sink);
  }

  onBody(chunk: Uint8Array): boolean {
    const sink = this.#sink!;
    const free = sink.write(chunk);
    if (!free) this.pause();
    if (!sink.passesOn) this.#readKept = true;
    return !this.#over && this.#connection!.mayReadOn(chunkUnits);
  }

  onReadPause(): void {
    this.#sink?.flush();
  }

  onReadEnd(bytes: Buffer): void {
    this.#sink?.flush();
    const connection = this.#connection!;
    if (connection.countRead(bytes.length)) {
      this.#byLane = !this.#readKept && bodyLane.enter(this);
      if (this.#byLane) connection.pauseReading();
      else connection.takePieces();
    }
    if (!this.#readKept) releaseReceived(bytes);
    this.#readKept = false;
  }

  onEnd(trailers: Fields | null, excess: boolean): void {
    const connection = this.#connection!;
    const sink = this.#sink!;
    this.#finish();
    // Before the sink hears of the end: it may bring the next request at once.
    if (this.#isTaken && this.#lifeMs > 0 && !excess) connection.release(this.#lifeMs);
    else connection.close();
    if (!this.#requestSent) this.#requestBody?.stop();
    sink.end(trailers);
    sink.flush();
    this.#receiver.onComplete();
  }

  onMalformed(reason: string): void {
    this.#fail("malformed-response", `malformed response: ${reason}`);
  }

  // The lane: large bodies go from socket to socket.

  get laneSource(): number {
    return this.#over || this.#held ? -1 : this.#connection!.descriptor;
  }

  get laneSink(): number {
    return this.#sink?.descriptor ?? -1;
  }

  get laneLimit(): number {
    return this.#over ? 0 : this.#connection!.bodyRemaining;
  }

  moved(bytes: number): void {
    this.#sink!.passed!(bytes);
    this.#connection!.skipBody(bytes);
  }

  undelivered(bytes: Buffer): void {
    this.onBody(bytes);
    // They are no part of a read.
    this.#readKept = false;
    this.#connection!.skipBody(bytes.length);
  }

  leftLane(): void {
    if (!this.#over && !this.#held) this.#connection!.resumeReading();
  }

  // The source of the response body.

  start(sink: BodySink): void {
    this.#sink = sink;
  }

  pause(): void {
    this.#held = true;
    if (!this.#over) this.#connection?.pauseReading();
  }

  resume(): void {
    this.#held = false;
    if (this.#over || (this.#byLane && bodyLane.enter(this))) return;
    this.#connection?.resumeReading();
  }

  /** What was handed over last may have left later, and not as a whole. */
  get #isTaken(): boolean {
    return this.#requestSent && !this.#connection!.writer.blocked;
  }

  #connect(): void {
    this.#connection = this.#context.connect(this, this.#request.responseTimeoutMs);
  }

  /** Every byte was written; the target's time begins when the kernel has taken them all. */
  #onRequestWritten(): void {
    if (this.#over || this.#requestSent) return;
    const { writer } = this.#connection!;
    if (writer.blocked || writer.closed) return;
    this.#requestSent = true;
    const { responseTimeoutMs } = this.#request;
    if (responseTimeoutMs > 0 && this.#sink === null) {
      this.#context.deadlines.of(responseTimeoutMs).add(this);
    }
  }

  /** A pooled connection may have been closed by the target in the moment when it was used. */
  #mayRepeat(): boolean {
    const connection = this.#connection;
    if (connection === null || !connection.reused || connection.responseStarted) return false;
    const isUntouched = connection.writer.takenBytes === this.#takenBefore;
    if (!isUntouched && !isRepeatable(this.#request.head.method)) return false;
    return this.#requestBody === null || this.#request.rewindBody !== null;
  }

  #repeat(): void {
    this.deadlineQueue?.delete(this);
    this.#requestEnded = false;
    this.#requestSent = false;
    if (this.#requestBody !== null) {
      this.#requestBody.stop();
      this.#requestBody = null;
      this.#body = this.#request.rewindBody!();
    }
    this.#connect();
  }

  #fail(code: ExchangeErrorCode, message: string): void {
    this.#failWith(new ExchangeError(code, `${this.#context.address}: ${message}`));
  }

  #failWith(error: ExchangeError): void {
    if (this.#over) return;
    this.#finish();
    this.#connection?.destroy();
    this.#requestBody?.stop();
    if (this.#starting) queueMicrotask(() => this.#report(error));
    else this.#report(error);
  }

  #report(error: ExchangeError): void {
    if (this.#cancelled) return;
    this.#sink?.abort(error);
    this.#receiver.onError(error);
  }

  #finish(): void {
    this.#over = true;
    this.deadlineQueue?.delete(this);
  }
}
