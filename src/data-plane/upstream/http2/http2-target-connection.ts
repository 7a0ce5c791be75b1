/** One HTTP/2 connection to a target: connecting, open for requests, draining or closed. */
import type { Socket } from "bun";
import { http2Limits } from "../../../config/http2-limits.ts";
import { maxResponseHeadBytes, tcpKeepAliveMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../../lib/deadline-queue.ts";
import { messageOf } from "../../../lib/error-text.ts";
import { MemberList } from "../../../lib/member-list.ts";
import type {
  ConnectOwner,
  Connector,
  Endpoint,
  PendingConnection,
  SocketOwner,
} from "../../../net/connector.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { clientPreface, ErrorCode, maxStreamId } from "../../../protocols/http2/frames.ts";
import { type Http2Fault, protocolFault } from "../../../protocols/http2/http2-fault.ts";
import { SettingId, settingsFrame } from "../../../protocols/http2/settings.ts";
import { openingWindowUpdate } from "../../http2/session-windows.ts";
import { headLimitsOf, Http2Session, type SessionOwner } from "../../http2/http2-session.ts";
import type { CallConnection, Http2Call } from "./http2-call.ts";

export interface TargetConnectionOwner {
  readonly address: string;
  readonly clock: Clock;
  readonly idleDeadlines: DeadlineQueue;
  /** The connection takes no further requests. */
  left(connection: Http2TargetConnection): void;
}

/** `draining`: takes no further requests, closes when it has none. */
type State = "connecting" | "open" | "draining" | "closed";

export class Http2TargetConnection
  implements ConnectOwner, SessionOwner, DeadlineEntry, CallConnection
{
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly #owner: TargetConnectionOwner;
  #state: State = "connecting";
  #pending: PendingConnection | null = null;
  #socket: Socket<SocketOwner> | null = null;
  #session: Http2Session<Http2Call> | null = null;
  /** Calls for which it is being made. */
  readonly #waiting = new MemberList<Http2Call>();
  #nextStream = 1;
  #retired = false;
  #started = false;

  constructor(owner: TargetConnectionOwner) {
    this.#owner = owner;
  }

  connect(connector: Connector, to: Endpoint, within: DeadlineQueue): void {
    this.#pending = connector.connect(to, this, within);
  }

  get session(): Http2Session<Http2Call> {
    return this.#session!;
  }

  get reused(): boolean {
    return this.#nextStream > 1;
  }

  /** False when it can't have the call: the target allows no more, or no more at all. */
  take(call: Http2Call): boolean {
    if (this.#state === "connecting") {
      if (this.#waiting.size >= http2Limits.maxConcurrentStreams) return false;
      this.#waiting.add(call);
      return true;
    }
    if (this.#state !== "open") return false;
    if (this.#openStreams >= this.session.sender.peer.maxConcurrentStreams) return false;
    this.deadlineQueue?.delete(this);
    call.onConnection(this);
    // The numbers have an end (RFC 9113 5.1.1).
    if (this.#nextStream > maxStreamId - 2) this.#drain();
    return true;
  }

  /** Nobody waits for the connection any more who has given up. */
  forget(call: Http2Call): void {
    if (!this.#waiting.delete(call) || this.#waiting.size > 0) return;
    this.#pending?.cancel();
    this.#leaveConnecting();
  }

  nextStream(): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    return id;
  }

  get #openStreams(): number {
    return this.#session?.streams.size ?? 0;
  }

  /** The target is not used any more. */
  retire(): void {
    this.#retired = true;
    if (this.#state === "open") this.#drain();
  }

  // The socket.

  onOpen(socket: Socket<SocketOwner>): void {
    this.#pending = null;
    this.#socket = socket;
    socket.setKeepAlive(true, tcpKeepAliveMs);
    const { clock } = this.#owner;
    const nowMs = (): number => clock.now();
    this.#session = new Http2Session(this, socket, {
      role: "client",
      headLimits,
      nowMs,
      coarseMs: nowMs,
    });
    this.#session.sender.writer.write(opening);
    this.#state = "open";
    for (const call of this.#takeWaiting()) call.onConnection(this);
    if (this.#retired) this.#drain();
    else this.#restWhenIdle();
  }

  onConnectError(error: Error): void {
    const calls = this.#leaveConnecting();
    for (const call of calls) call.onConnectFailed(error);
  }

  onConnectTimeout(): void {
    const calls = this.#leaveConnecting();
    for (const call of calls) call.onConnectTimeout();
  }

  onData(bytes: Buffer): void {
    if (this.#state === "closed") return;
    if (!this.#started) {
      this.#started = true;
      if (bytes.toString("latin1", 0, 7) === "HTTP/1.") {
        this.onFault(protocolFault("the target answers in HTTP/1.1"));
        return;
      }
    }
    this.session.input.receive(bytes, 0);
  }

  onDrain(): void {
    if (this.#state === "closed") return;
    this.session.sender.drain();
    this.session.input.adjust();
  }

  onPeerEnd(): void {
    this.#lose(null);
  }

  onClose(error: Error | null): void {
    this.#lose(error);
  }

  /** Nobody needed it for long. */
  onDeadline(): void {
    if (this.#openStreams === 0) this.#close();
  }

  // The session.

  /** Servers open no streams here: pushes were refused (RFC 9113 8.4). */
  onNewStream(): Http2Fault | null {
    return protocolFault("a stream of the target's own");
  }

  isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#nextStream;
  }

  onPingAck(): void {}

  /** RFC 9113 6.8: streams behind the last one were not looked at, the others go on. */
  onGoAway(lastStream: number, code: number): void {
    this.#drain();
    const reason = `GOAWAY with code ${code}`;
    for (const { id, over, owner } of this.session.streams.all()) {
      if (id > lastStream && !over) owner.onUnprocessed(reason);
    }
  }

  onStreamLeft(): void {
    if (this.#state === "draining" && this.#openStreams === 0) this.#close();
    else this.#restWhenIdle();
  }

  onFault(fault: Http2Fault): void {
    if (this.#state === "closed") return;
    const { sender } = this.session;
    sender.goAway(0, fault.code, fault.reason);
    sender.writer.flush();
    this.#end(new ExchangeError("malformed-response", `${this.#owner.address}: ${fault.reason}`));
  }

  giveUp(): void {
    this.#lose(null);
  }

  #restWhenIdle(): void {
    if (this.#state === "open" && this.#openStreams === 0 && this.deadlineQueue === null) {
      this.#owner.idleDeadlines.add(this);
    }
  }

  #drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.deadlineQueue?.delete(this);
    this.#owner.left(this);
    if (this.#openStreams === 0) this.#close();
  }

  /** In good order: nothing is under way. */
  #close(): void {
    const { sender } = this.session;
    sender.goAway(0, ErrorCode.noError, "");
    sender.writer.flush();
    this.#end(new ExchangeError("connection-lost", `${this.#owner.address}: closed`));
  }

  #lose(error: Error | null): void {
    const reason = error === null ? "closed by the target" : messageOf(error);
    const text = `connection lost before the response was complete: ${reason}`;
    this.#end(new ExchangeError("connection-lost", `${this.#owner.address}: ${text}`));
  }

  #end(error: ExchangeError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.deadlineQueue?.delete(this);
    this.#owner.left(this);
    this.session.close(error);
    this.#socket?.end();
    this.#socket = null;
  }

  #leaveConnecting(): Http2Call[] {
    this.#state = "closed";
    this.#owner.left(this);
    this.#pending = null;
    return this.#takeWaiting();
  }

  #takeWaiting(): Http2Call[] {
    const calls = this.#waiting.members();
    for (const call of calls) this.#waiting.delete(call);
    return calls;
  }
}

const headLimits = headLimitsOf(maxResponseHeadBytes);
const opening = Buffer.concat([
  clientPreface,
  settingsFrame([[SettingId.enablePush, 0]]),
  openingWindowUpdate("client"),
]);
