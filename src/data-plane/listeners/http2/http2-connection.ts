/**
 * The server side of HTTP/2 (RFC 9113): one client connection, over TLS or in plain with prior knowledge. Each
 * stream becomes an exchange; what belongs to no request stands here and in the session.
 */
import { http2Limits, lingerTimeoutMs, type ClientLimits } from "../../../config/defaults.ts";
import type { Clock } from "../../../lib/clock.ts";
import { unsentMemory } from "../../../net/socket-writer.ts";
import type { Exchange, Scheme } from "../../../protocols/http/exchange.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { noBody } from "../../../protocols/http/body-framing.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import {
  clientPreface,
  ErrorCode,
  FrameType,
  maxStreamId,
} from "../../../protocols/http2/frames.ts";
import { Http2Fault } from "../../../protocols/http2/http2-fault.ts";
import type { ProxySource } from "../../../protocols/proxy-protocol/proxy-header.ts";
import { SettingId, settingsFrame } from "../../../protocols/http2/settings.ts";
import { errorCodeField, headFaultCode } from "../../proxy/answers/failure.ts";
import { openingWindowUpdate } from "../../http2/connection-window.ts";
import {
  headLimitsOf,
  Http2Session,
  type SessionOptions,
  type SessionOwner,
} from "../../http2/http2-session.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { ConnectionSet } from "../accept/connection-set.ts";
import { Http2Exchange, type Http2ExchangeConnection, webSocketKey } from "./http2-exchange.ts";
import { type Http2Request, readHttp2Request } from "./http2-request.ts";

export interface Http2Context {
  scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  altSvc: string | null;
  /** Answers to what is no request have a field with the reason. */
  showsErrorCodes: boolean;
  limits: ClientLimits;
  clock: Clock;
  connections: ConnectionSet;
  session: SessionOptions;
  handle(exchange: Exchange): void;
}

export function http2Context(options: Omit<Http2Context, "session">): Http2Context {
  const { scheme, altSvc, showsErrorCodes, limits, clock, connections, handle } = options;
  const session = {
    role: "server" as const,
    headLimits: headLimitsOf(limits.maxHeaderBytes),
    nowMs: () => clock.now(),
    coarseMs: () => connections.nowMs,
  };
  return { scheme, altSvc, showsErrorCodes, limits, clock, connections, session, handle };
}

/** `draining`: closes when everything is sent; `lingering`: FIN sent, what still comes is thrown away. */
type State = "preface" | "open" | "draining" | "lingering" | "closed";

export class Http2Connection implements ClientConnection, SessionOwner, Http2ExchangeConnection {
  readonly #socket: ClientSocket;
  readonly #context: Http2Context;
  readonly session: Http2Session;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly clientIsUnnamed: boolean;

  #state: State = "preface";
  #prefaceBytes = 0;
  readonly #exchanges = new Map<number, Http2Exchange>();
  /** Requests that wait until the client has taken more of what it asked for. */
  #held: Http2Exchange[] = [];
  #lastStream = 0;
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

  constructor(
    socket: ClientSocket,
    context: Http2Context,
    { address, port, isUnnamed = false }: ProxySource,
  ) {
    const { connections } = context;
    this.#socket = socket;
    this.#context = context;
    this.clientAddress = address;
    this.clientPort = port;
    this.clientIsUnnamed = isUnnamed;
    this.session = new Http2Session(this, socket, context.session);
    connections.add(this);
    this.#sinceMs = connections.nowMs;
    this.session.sender.writer.write(opening);
  }

  get scheme(): Scheme {
    return this.#context.scheme;
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

  onBug(): void {
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
    if (
      this.#finishingSinceMs >= 0 &&
      nowMs - this.#finishingSinceMs >= http2Limits.goAwayPatienceMs
    ) {
      this.#lastGoAway();
    }
    for (const exchange of this.#exchanges.values()) {
      const { stream } = exchange;
      if (exchange.isTunnel) continue;
      // A target may think as long as it is allowed to.
      const isOurs = this.session.input.waits || (!exchange.awaitsClient && !exchange.uploadHeld);
      if (isOurs || stream.outgoing.progressed) stream.sinceMs = nowMs;
      stream.outgoing.progressed = false;
      if (nowMs - stream.sinceMs <= limits.stallTimeoutMs) continue;
      if (exchange.awaitsClient) exchange.cut();
      else exchange.giveUploadUp();
    }
    this.#handleHeld();
    const { openHead } = this.session;
    if (openHead === 0 || openHead !== this.#openHead) {
      this.#openHead = openHead;
      this.#openHeadSinceMs = nowMs;
    } else if (nowMs - this.#openHeadSinceMs > limits.headerTimeoutMs) {
      this.#end(new Http2Fault(ErrorCode.enhanceYourCalm, "a head took too long"));
      return;
    }
    if (this.#exchanges.size > 0) {
      this.#sinceMs = nowMs;
      if (this.#goAwaySent) this.#leaveTunnels();
      return;
    }
    const limitMs = this.#served === 0 ? limits.headerTimeoutMs : limits.idleTimeoutMs;
    if (nowMs - this.#sinceMs > limitMs) this.#end(null);
  }

  /** Nobody waits for tunnels when the listener stops. */
  #leaveTunnels(): void {
    for (const exchange of this.#exchanges.values()) if (!exchange.isTunnel) return;
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
    if (id % 2 === 0) return new Http2Fault(ErrorCode.protocolError, "a stream of the server");
    if (id <= this.#lastStream)
      return new Http2Fault(ErrorCode.streamClosed, "a stream that has ended");
    // After the last GOAWAY they are ignored (RFC 9113 6.8).
    if (this.#goAwaySent) return null;
    this.#lastStream = id;
    const { session } = this;
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
    return id % 2 === 0 || id > this.#lastStream;
  }

  onSettings(): void {}

  onGoAway(): void {}

  onPingAck(): void {
    if (this.#finishingSinceMs >= 0) this.#lastGoAway();
  }

  onStreamLeft(id: number): void {
    this.#exchanges.delete(id);
    if (this.#held.length > 0 && this.#state === "open") this.#handleHeld();
    if (this.#exchanges.size > 0) return;
    this.#sinceMs = this.#context.connections.nowMs;
    if (this.#goAwaySent && this.#state === "open") this.#end(null);
  }

  #begin(id: number, request: Http2Request, endStream: boolean): void {
    if (request.upgrade !== null) {
      const key = webSocketKey();
      request.fields.set("sec-websocket-key", key, "sec-websocket-key");
    }
    const exchange = this.#open(id, request, endStream);
    if (request.path === "*") exchange.respond(200, new Fields(), nothing);
    else if (this.#held.length > 0 || this.#takesTooLittle) this.#held.push(exchange);
    else this.#context.handle(exchange);
  }

  /** While memory is short, nobody is given more to wait for who does not take what is there. */
  get #takesTooLittle(): boolean {
    return (
      unsentMemory.usedBytes > http2Limits.shortMemoryBytes &&
      this.session.sender.untakenBytes > http2Limits.maxUntakenBytes
    );
  }

  #handleHeld(): void {
    while (this.#held.length > 0 && !this.#takesTooLittle) {
      const exchange = this.#held.shift()!;
      if (!exchange.aborted) this.#context.handle(exchange);
    }
  }

  #open(id: number, request: Http2Request, endStream: boolean): Http2Exchange {
    const exchange = new Http2Exchange(this, request, id);
    this.session.streams.set(id, exchange.stream);
    this.#exchanges.set(id, exchange);
    if (endStream) exchange.stream.endRemote(null);
    return exchange;
  }

  /** Answers what is a request, but none that is served. */
  #refuse(id: number, { status }: HeadFault, endStream: boolean): void {
    const exchange = this.#open(id, unserved, endStream);
    const fields = Fields.of(["Content-Type", "text/plain; charset=utf-8"]);
    if (this.#context.showsErrorCodes) fields.append(errorCodeField, headFaultCode(status));
    exchange.respond(status, fields, Buffer.from(`${status} ${reasonPhrase(status)}`, "latin1"));
  }

  // Ending.

  #lastGoAway(): void {
    if (this.#goAwaySent || this.#state !== "open") return;
    this.#goAwaySent = true;
    this.session.sender.goAway(this.#lastStream, ErrorCode.noError, "");
    if (this.#exchanges.size === 0) this.#end(null);
    else this.#leaveTunnels();
  }

  /** Says why, if there is a reason, and closes; exchanges under way are told. */
  #end(fault: Http2Fault | null): void {
    if (this.#state === "closed" || this.#state === "draining" || this.#state === "lingering")
      return;
    const { sender } = this.session;
    if (!this.#goAwaySent) {
      this.#goAwaySent = true;
      sender.goAway(this.#lastStream, fault?.code ?? ErrorCode.noError, fault?.reason ?? "");
    }
    this.session.input.stop();
    sender.writer.flush();
    this.#state = "draining";
    this.#sinceMs = this.#context.connections.nowMs;
    for (const { stream } of this.#exchanges.values()) {
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
    const seen = this.#prefaceBytes;
    const count = Math.min(chunk.length, clientPreface.length - seen);
    if (chunk.compare(clientPreface, seen, seen + count, 0, count) !== 0) {
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
    this.#exchanges.clear();
    this.#held = [];
  }
}

const nothing = new Uint8Array();
const tooManyStreams = new Http2Fault(ErrorCode.refusedStream, "too many streams at once");
const finishingPing = Buffer.from("finished", "latin1");
const opening = Buffer.concat([
  settingsFrame([
    [SettingId.maxConcurrentStreams, http2Limits.maxConcurrentStreams],
    [SettingId.enableConnectProtocol, 1],
  ]),
  openingWindowUpdate,
]);
const unserved: Http2Request = {
  method: "",
  path: "",
  query: "",
  host: "",
  hostName: "",
  fields: new Fields(),
  framing: noBody,
  expectsContinue: false,
  upgrade: null,
};
