/**
 * One request over HTTP/2 and its response: the Exchange that the pipeline sees, the sink of the response
 * body and the owner of the stream, in one object per request.
 */
import { randomBytes } from "node:crypto";
import type { BodySink, BodySource, Duplex } from "../../../protocols/http/body.ts";
import {
  announcedLength,
  type BodyFraming,
  isEmptyBody,
  noBody,
} from "../../../protocols/http/body-framing.ts";
import { httpDate } from "../../../protocols/http/date.ts";
import type {
  ClientPeer,
  Exchange,
  ExchangeRequest,
  Protocol,
  Scheme,
} from "../../../protocols/http/exchange.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { isBodyless, misdirectedStatus } from "../../../protocols/http/status.ts";
import { ErrorCode } from "../../../protocols/http2/frames.ts";
import type { Http2Fault } from "../../../protocols/http2/http2-fault.ts";
import type { Http2Session } from "../../http2/http2-session.ts";
import { Http2Stream, type StreamOwner } from "../../http2/http2-stream.ts";
import type { Http2Request } from "./http2-request.ts";

/** What an exchange asks of its connection. */
export interface Http2ExchangeConnection {
  readonly session: Http2Session<Http2Exchange>;
  readonly scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  readonly altSvc: string | null;
  readonly client: ClientPeer;
  wallMs(): number;
  /** It takes no new requests, as the client is told. */
  finish(): void;
}

export class Http2Exchange implements Exchange, ExchangeRequest, BodySink, StreamOwner {
  readonly #connection: Http2ExchangeConnection;
  readonly #request: Http2Request;
  readonly #stream: Http2Stream<Http2Exchange>;
  #expectsContinue: boolean;
  #continueSent = false;

  onAbort: (() => void) | null = null;
  aborted = false;
  status = 0;
  bodyBytesSent = 0;
  responseFields: Fields | null = null;
  readonly passesOn = true;

  /** Of the response: bytes that are still to come; -1: not known; null: there is no body. */
  #remaining: number | null = null;
  #source: BodySource | null = null;
  #ended = false;
  #isTunnel = false;

  constructor(connection: Http2ExchangeConnection, request: Http2Request, id: number) {
    this.#connection = connection;
    this.#request = request;
    this.#stream = new Http2Stream(connection.session, this, id, true);
    this.#expectsContinue = request.expectsContinue;
    if (request.framing.kind === "length") this.#stream.announcedBytes = request.framing.length;
  }

  get stream(): Http2Stream<Http2Exchange> {
    return this.#stream;
  }
  get request(): ExchangeRequest {
    return this;
  }
  get sharedConnection(): object {
    return this.#connection;
  }
  get method(): string {
    return this.#request.method;
  }
  get path(): string {
    return this.#request.path;
  }
  get query(): string {
    return this.#request.query;
  }
  get host(): string {
    return this.#request.host;
  }
  get hostName(): string {
    return this.#request.hostName;
  }
  get fields(): Fields {
    return this.#request.fields;
  }
  get framing(): BodyFraming {
    return this.#request.framing;
  }
  get upgrade(): string | null {
    return this.#request.upgrade;
  }
  get protocol(): Protocol {
    return "HTTP/2.0";
  }
  get scheme(): Scheme {
    return this.#connection.scheme;
  }
  get client(): ClientPeer {
    return this.#connection.client;
  }
  get body(): BodySource | null {
    return isEmptyBody(this.#request.framing) ? null : this.#stream.body;
  }

  get isTunnel(): boolean {
    return this.#isTunnel;
  }

  // Waiting.

  /** Ends it when nothing has moved for too long. `isOurs`: what has come waits for its turn here. */
  sweep(nowMs: number, stallTimeoutMs: number, isOurs: boolean): void {
    if (this.#isTunnel) return;
    const stream = this.#stream;
    // It is up to the client to go on: to read what it was sent, or to send its body.
    const awaitsClient = stream.awaitsPeer || stream.wantsBody;
    // The target does not take the upload at the moment, and has not answered either.
    const uploadHeld = this.status === 0 && stream.holdsBody;
    // A target may think as long as it is allowed to.
    const mayWait = isOurs || !(awaitsClient || uploadHeld);
    if (mayWait || stream.outgoing.progressed) stream.sinceMs = nowMs;
    stream.outgoing.progressed = false;
    if (nowMs - stream.sinceMs <= stallTimeoutMs) return;
    const message = "the target reads no more of the upload";
    if (awaitsClient) this.cut();
    else stream.body.abort(new ExchangeError("response-timeout", message));
  }

  // The response.

  sendInformational(status: number, _reason: string, fields: Fields): void {
    if (this.status !== 0 || this.aborted) return;
    if (status === 100) {
      // The client has the proxy's own already; one that nobody asked for passes (RFC 9110 15.2).
      if (this.#continueSent) return;
      this.#expectsContinue = false;
    }
    this.#sendBlock(status, fields, false);
  }

  sendHead(status: number, _reason: string, fields: Fields, framing: BodyFraming): BodySink {
    if (this.#request.upgrade !== null && status >= 200 && status < 300) {
      // It would say that the tunnel is open (RFC 8441 4), to which the target has not agreed.
      const fields = Fields.of(["Content-Length", "0"]);
      return this.#sendFinal(502, fields, noBody);
    }
    return this.#sendFinal(status, fields, framing);
  }

  #sendFinal(status: number, fields: Fields, framing: BodyFraming): BodySink {
    this.status = status;
    this.responseFields = fields;
    const isEmpty =
      this.#request.method === "HEAD" || isBodyless(status) || framing.kind === "none";
    if (!isEmpty) this.#remaining = announcedLength(framing);
    if (!this.aborted) this.#sendBlock(status, fields, true);
    return this;
  }

  respond(status: number, fields: Fields, body: Uint8Array): void {
    // RFC 9110 15.5.20: the client is to come on another connection.
    if (status === misdirectedStatus) this.#connection.finish();
    fields.set("Content-Length", String(body.length), "content-length");
    this.sendHead(status, "", fields, { kind: "length", length: body.length });
    this.write(body);
    this.end(null);
  }

  /** RFC 8441 5: the stream is the connection. */
  switchProtocols(_reason: string, fields: Fields): Duplex {
    this.status = 101;
    this.responseFields = fields;
    this.#remaining = -1;
    this.#isTunnel = true;
    const sent = fields.copy();
    for (const key of ["sec-websocket-accept", "upgrade"]) sent.delete(key);
    this.#sendBlock(200, sent, true);
    return { source: this.#stream.body, sink: this, destroy: () => this.cut() };
  }

  cut(): void {
    this.#stream.cut(ErrorCode.internalError);
  }

  attach(source: BodySource): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    const remaining = this.#remaining;
    if (this.aborted || this.#ended || remaining === null) return true;
    if (remaining >= 0) {
      if (chunk.length > remaining) {
        this.cut();
        return true;
      }
      this.#remaining = remaining - chunk.length;
    }
    this.bodyBytesSent += chunk.length;
    return this.#stream.write(chunk);
  }

  /** All that is written in a turn of the event loop leaves at its end. */
  flush(): void {}

  end(trailers: Fields | null): void {
    if (this.aborted || this.#ended) return;
    if (this.#remaining !== null && this.#remaining > 0) {
      this.cut();
      return;
    }
    this.#ended = true;
    this.#source = null;
    this.#stream.end(trailers);
    if (!this.#stream.awaitsPeer) this.#finish();
  }

  abort(_error: Error): void {
    // The target broke off and will say so: it is not the client that has gone.
    this.onAbort = null;
    this.cut();
  }

  // The stream.

  onHead(): Http2Fault | null {
    throw new Error("the head has made this exchange");
  }

  onBodyStarted(): void {
    if (!this.#expectsContinue || this.status !== 0 || this.aborted) return;
    this.#expectsContinue = false;
    this.#continueSent = true;
    const { sender } = this.#connection.session;
    sender.encoder.begin();
    sender.encoder.status(100);
    sender.sendBlock(this.#stream.outgoing, false);
  }

  onBodyCancelled(): void {
    if (this.#isTunnel) this.cut();
  }

  onBodyDone(): void {}

  onSent(): void {
    if (this.#ended) this.#finish();
    else this.#source?.resume();
  }

  /** The client is gone, or cut off: what it was sent does not matter any more. */
  onBroken(): void {
    if (this.aborted || this.#ended) return;
    this.aborted = true;
    const source = this.#source;
    this.#source = null;
    const { onAbort } = this;
    this.onAbort = null;
    onAbort?.();
    if (this.#isTunnel) source?.cancel();
  }

  /** The answer is out; nobody reads the rest of the upload (RFC 9113 8.1). */
  #finish(): void {
    if (!this.#stream.remoteEnded) this.#stream.drop(ErrorCode.noError);
  }

  #sendBlock(status: number, fields: Fields, isFinal: boolean): void {
    const { session, altSvc } = this.#connection;
    const { encoder } = session.sender;
    encoder.begin();
    encoder.status(status);
    session.sender.addFields(fields);
    if (isFinal) {
      if (!fields.has("date")) encoder.field("date", httpDate(this.#connection.wallMs()));
      if (altSvc !== null) encoder.field("alt-svc", altSvc);
    }
    session.sender.sendBlock(this.#stream.outgoing, false);
  }
}

/** What a WebSocket handshake of HTTP/1.1 needs and one of HTTP/2 has not (RFC 6455 4.1, RFC 8441 5). */
export function webSocketKey(): string {
  return randomBytes(16).toString("base64");
}
