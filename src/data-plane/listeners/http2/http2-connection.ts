/**
 * The server side of HTTP/2 (RFC 9113): one client connection, over TLS or in plain with prior knowledge. Each
 * stream becomes an exchange; what belongs to no request stands here and in the session.
 */
import { http2Limits } from "../../../config/http2-limits.ts";
import { lingerTimeoutMs } from "../../../config/limits.ts";
import { ListMember } from "../../../lib/member-list.ts";
import type { ClientPeer, Scheme } from "../../../protocols/http/exchange.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import {
  clientPreface,
  ErrorCode,
  FrameType,
  maxStreamId,
  prefaceBytesAt,
} from "../../../protocols/http2/frames.ts";
import { Http2Fault, protocolFault } from "../../../protocols/http2/http2-fault.ts";
import { SettingId, settingsFrame } from "../../../protocols/http2/settings.ts";
import { errorCodeField, headFaultCode } from "../../proxy/answers/failure.ts";
import { openingWindowUpdate } from "../../http2/session-windows.ts";
import { Http2Session, type SessionOwner } from "../../http2/http2-session.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { Http2Context } from "./http2-context.ts";
import { HeldExchanges } from "./held-exchanges.ts";
import { Http2Exchange, type Http2ExchangeConnection, webSocketKey } from "./http2-exchange.ts";
import { type Http2Request, readHttp2Request, unservedRequest } from "./http2-request.ts";

/** `draining`: closes when everything is sent; `lingering`: FIN sent, what still comes is thrown away. */
type State = "preface" | "open" | "draining" | "lingering" | "closed";

export class Http2Connection
  extends ListMember
  implements ClientConnection, SessionOwner, Http2ExchangeConnection
{
  readonly #socket: ClientSocket;
  readonly #context: Http2Context;
  readonly session: Http2Session<Http2Exchange>;
  readonly client: ClientPeer;

  readonly endsGently = true;
  #state: State = "preface";
  #prefaceBytes = 0;
  readonly #held: HeldExchanges;
  /** The last one that was looked at, and the last one that came. */
  #lastStream = 0;
  #highestStream = 0;
  #served = 0;
  /** The head that was incomplete at the last sweep, and since when. */
  #openHead = 0;
  #openHeadSinceMs = 0;
  #discardedBytes = 0;
  /** When the connection last had a request, or a byte of progress without one. */
  #sinceMs: number;
  /** No more requests are wanted: when the client was told first, and whether it was told the last one. */
  #finishingSinceMs = -1;
  #goAwaySent = false;

  constructor(socket: ClientSocket, context: Http2Context, client: ClientPeer) {
    super();
    const { connections } = context;
    this.#socket = socket;
    this.#context = context;
    this.client = client;
    this.session = new Http2Session(this, socket, context.session);
    this.#held = new HeldExchanges(this.session.sender, context.handle);
    connections.add(this);
    this.#sinceMs = connections.nowMs;
    this.session.sender.writer.write(opening);
  }

  get scheme(): Scheme {
    return this.#context.scheme;
  }

  get isFresh(): boolean {
    return this.#served === 0;
  }

  get altSvc(): string | null {
    return this.#context.altSvc;
  }

  wallMs(): number {
    return this.#context.clock.wallMs();
  }

  // Events of the socket.

  onData(chunk: Buffer): void {
    switch (this.#state) {
      case "closed":
      case "draining":
        return;
      case "lingering":
        this.#discardedBytes += chunk.length;
        if (this.#discardedBytes > http2Limits.maxLingerBytes) this.destroy();
        return;
      case "preface":
      case "open":
        break;
    }
    const offset = this.#state === "preface" ? this.#readPreface(chunk) : 0;
    if (offset >= 0) this.session.input.receive(chunk, offset);
  }

  onFault(fault: Http2Fault): void {
    this.#end(fault);
  }

  giveUp(): void {
    this.destroy();
  }

  onDrain(): void {
    if (this.#state === "closed") return;
    const { sender } = this.session;
    const takenBefore = sender.writer.takenBytes;
    sender.drain();
    // Bun may call this without need: only bytes that were taken are progress.
    if (sender.writer.takenBytes > takenBefore) this.#sinceMs = this.#context.connections.nowMs;
    if (sender.writer.blocked) return;
    if (this.#state === "draining") this.#linger();
    else this.session.input.adjust();
  }

  /** A client that stops sending can't open windows or streams any more: it is gone. */
  onEnd(): void {
    if (this.#state !== "draining") this.destroy();
  }

  onClose(): void {
    this.#closed();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#context;
    const waitedMs = nowMs - this.#sinceMs;
    switch (this.#state) {
      case "preface":
        if (waitedMs > limits.headerTimeoutMs) this.destroy();
        break;
      case "open":
        this.#sweepStreams(nowMs);
        break;
      case "draining":
        if (waitedMs > limits.stallTimeoutMs) this.destroy();
        break;
      case "lingering":
        if (waitedMs > lingerTimeoutMs) this.destroy();
        break;
      case "closed":
        break;
    }
  }

  #sweepStreams(nowMs: number): void {
    const { limits } = this.#context;
    const { goAwayPatienceMs } = http2Limits;
    const since = this.#finishingSinceMs;
    if (since >= 0 && nowMs - since >= goAwayPatienceMs) this.#lastGoAway();
    const { streams } = this.session;
    const { waits } = this.session.input;
    for (const { owner } of streams.all()) owner.sweep(nowMs, limits.stallTimeoutMs, waits);
    this.#held.release();
    const { openHead } = this.session;
    if (openHead === 0 || openHead !== this.#openHead) {
      this.#openHead = openHead;
      this.#openHeadSinceMs = nowMs;
    } else if (nowMs - this.#openHeadSinceMs > limits.headerTimeoutMs) {
      this.#end(new Http2Fault(ErrorCode.enhanceYourCalm, "a head took too long"));
      return;
    }
    if (streams.size > 0) {
      this.#sinceMs = nowMs;
      if (this.#goAwaySent) this.#leaveTunnels();
      return;
    }
    const limitMs = this.#served === 0 ? limits.headerTimeoutMs : limits.idleTimeoutMs;
    if (nowMs - this.#sinceMs > limitMs) this.#end(null);
  }

  /** Nobody waits for tunnels when the listener stops. */
  #leaveTunnels(): void {
    for (const { owner } of this.session.streams.all()) if (!owner.isTunnel) return;
    this.#context.connections.upgraded(this);
  }

  /** RFC 9113 6.8: a first GOAWAY that refuses nothing, and the last one when the client knows of it. */
  finish(): void {
    if (this.#state !== "open") {
      this.destroy();
      return;
    }
    if (this.#finishingSinceMs >= 0) return;
    this.#finishingSinceMs = this.#context.connections.nowMs;
    const { sender } = this.session;
    sender.goAway(maxStreamId, ErrorCode.noError, "");
    sender.frame(FrameType.ping, 0, finishingPing);
  }

  /** Ends the connection at once; exchanges under way are told. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#closed();
    this.#socket.end();
  }

  // The session.

  onNewStream(id: number, endStream: boolean): Http2Fault | null {
    if (id % 2 === 0) return protocolFault("a stream of the server");
    if (id <= this.#highestStream)
      return new Http2Fault(ErrorCode.streamClosed, "a stream that has ended");
    this.#highestStream = id;
    const { session } = this;
    if (this.#goAwaySent) {
      // Not looked at, as the last GOAWAY has said (RFC 9113 6.8).
      session.sendReset(id, ErrorCode.refusedStream);
      return null;
    }
    this.#lastStream = id;
    if (session.streams.size >= http2Limits.maxConcurrentStreams) {
      return session.onStreamFault(id, tooManyStreams);
    }
    const request = readHttp2Request(session.section, endStream);
    if (request instanceof Http2Fault) return session.onStreamFault(id, request);
    this.#served++;
    if (request instanceof HeadFault) this.#refuse(id, request, endStream);
    else this.#begin(id, request, endStream);
    return null;
  }

  isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.#highestStream;
  }

  onGoAway(): void {}

  onPingAck(): void {
    if (this.#finishingSinceMs >= 0) this.#lastGoAway();
  }

  onStreamLeft(): void {
    if (this.#state === "open") this.#held.release();
    if (this.session.streams.size > 0) return;
    this.#sinceMs = this.#context.connections.nowMs;
    if (this.#goAwaySent && this.#state === "open") this.#end(null);
  }

  #begin(id: number, request: Http2Request, endStream: boolean): void {
    if (request.upgrade !== null) {
      const key = webSocketKey();
      request.fields.set("sec-websocket-key", key, "sec-websocket-key");
    }
    this.#held.take(this.#open(id, request, endStream));
  }

  #open(id: number, request: Http2Request, endStream: boolean): Http2Exchange {
    const exchange = new Http2Exchange(this, request, id);
    this.session.streams.add(exchange.stream);
    if (endStream) exchange.stream.endRemote(null);
    return exchange;
  }

  /** Answers what is a request, but none that is served. */
  #refuse(id: number, { status }: HeadFault, endStream: boolean): void {
    const exchange = this.#open(id, unservedRequest, endStream);
    const fields = Fields.of(["Content-Type", "text/plain; charset=utf-8"]);
    if (this.#context.showsErrorCodes) fields.append(errorCodeField, headFaultCode(status));
    exchange.respond(status, fields, Buffer.from(`${status} ${reasonPhrase(status)}`, "latin1"));
  }

  // Ending.

  #lastGoAway(): void {
    if (this.#goAwaySent || this.#state !== "open") return;
    this.#goAwaySent = true;
    this.session.sender.goAway(this.#lastStream, ErrorCode.noError, "");
    if (this.session.streams.size === 0) this.#end(null);
    else this.#leaveTunnels();
  }

  /** Says why, if there is a reason, and closes; exchanges under way are told. */
  #end(fault: Http2Fault | null): void {
    if (this.#state === "closed" || this.#state === "draining" || this.#state === "lingering")
      return;
    const { sender } = this.session;
    if (fault !== null || !this.#goAwaySent) {
      this.#goAwaySent = true;
      sender.goAway(this.#lastStream, fault?.code ?? ErrorCode.noError, fault?.reason ?? "");
    }
    this.session.input.stop();
    sender.writer.flush();
    this.#state = "draining";
    this.#sinceMs = this.#context.connections.nowMs;
    for (const stream of this.session.streams.all()) {
      const reason = fault?.reason ?? "the connection was ended";
      stream.break(new ExchangeError("client-gone", reason), ErrorCode.noError);
    }
    if (!sender.writer.blocked) this.#linger();
  }

  /** Unread bytes at a close make the kernel send RST, which may destroy what is on its way. */
  #linger(): void {
    this.#state = "lingering";
    this.#sinceMs = this.#context.connections.nowMs;
    this.#socket.shutdown();
    this.session.input.adjust();
  }

  #readPreface(chunk: Buffer): number {
    const count = prefaceBytesAt(chunk, 0, this.#prefaceBytes);
    if (count < 0) {
      // RFC 9113 3.4: this is no HTTP/2, so that GOAWAY need not be sent.
      this.destroy();
      return -1;
    }
    this.#prefaceBytes += count;
    if (this.#prefaceBytes === clientPreface.length) this.#state = "open";
    return count;
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#context.connections.delete(this);
    this.session.close(new ExchangeError("client-gone", "the client went away"));
    this.#held.clear();
  }
}

const tooManyStreams = new Http2Fault(ErrorCode.refusedStream, "too many streams at once");
const finishingPing = Buffer.from("finished", "latin1");
const opening = Buffer.concat([
  settingsFrame([
    [SettingId.maxConcurrentStreams, http2Limits.maxConcurrentStreams],
    [SettingId.enableConnectProtocol, 1],
  ]),
  openingWindowUpdate("server"),
]);
