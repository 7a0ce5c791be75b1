/**
 * One request on an HTTP/1.1 connection and its response: the Exchange that the pipeline sees and
 * the sink of the response body, in one object per request.
 */
import type { BodySink, BodySource, Duplex } from "../../../protocols/http/body.ts";
import { isEmptyBody, type BodyFraming } from "../../../protocols/http/body-framing.ts";
import { chunkHeader, lastChunk } from "../../../protocols/http1/chunked.ts";
import { httpDate } from "../../../protocols/http/date.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import {
  appendFields,
  endOfHead,
  serializeResponseHead,
  statusLine,
} from "../../../protocols/http1/head-serializer.ts";
import type { RequestHead } from "../../../protocols/http/message-head.ts";
import { isBodyless, reasonPhrase } from "../../../protocols/http/status.ts";
import type {
  ClientPeer,
  Exchange,
  ExchangeRequest,
  Protocol,
  Scheme,
} from "../../../protocols/http/exchange.ts";
import type { Http1Request } from "./http1-request.ts";
import type { ExchangeConnection } from "./exchange-connection.ts";
import { Http1RequestBody, type Http1RequestBodyOwner } from "./http1-request-body.ts";

/** How the response body is written. */
type ResponseCoding = "none" | "length" | "chunked" | "until-close";

export class Http1Exchange implements Exchange, ExchangeRequest, BodySink, Http1RequestBodyOwner {
  readonly #connection: ExchangeConnection;
  readonly #head: RequestHead;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly hostName: string;
  readonly framing: BodyFraming;
  readonly upgrade: string | null;
  readonly #clientCloses: boolean;
  #expectsContinue: boolean;
  #continueSent = false;

  readonly sharedConnection = null;
  onAbort: (() => void) | null = null;
  aborted = false;
  status = 0;
  bodyBytesSent = 0;
  responseFields: Fields | null = null;
  /** The response was handed over completely. */
  responseDone = false;
  /** The connection can't be used after this exchange. */
  mustClose = false;

  readonly passesOn = true;
  readonly #body: Http1RequestBody | null;

  #coding: ResponseCoding = "none";
  #responseRemaining = 0;
  /** Where the response begins in what was handed to the writer. */
  #responseStart = 0;
  #responseSource: BodySource | null = null;

  constructor(connection: ExchangeConnection, request: Http1Request) {
    const { head, target, framing } = request;
    this.#connection = connection;
    this.#head = head;
    this.path = target.path;
    this.query = target.query;
    this.host = target.host;
    this.hostName = target.hostName;
    this.framing = framing;
    this.upgrade = request.upgrade;
    this.#clientCloses = request.clientCloses;
    this.#expectsContinue = request.expectsContinue;
    this.#body = isEmptyBody(framing) ? null : new Http1RequestBody(framing, connection, this);
  }

  get request(): ExchangeRequest {
    return this;
  }
  get method(): string {
    return this.#head.method;
  }
  get fields(): Fields {
    return this.#head.fields;
  }
  get protocol(): Protocol {
    return this.#head.version;
  }
  get scheme(): Scheme {
    return this.#connection.context.scheme;
  }
  get client(): ClientPeer {
    return this.#connection.client;
  }
  get body(): BodySource | null {
    return this.#body;
  }

  /** An unfinished response whose end is the end of the connection. */
  get endsByClose(): boolean {
    return this.status !== 0 && this.#coding === "until-close" && !this.responseDone;
  }

  // The request body.

  get wantsBody(): boolean {
    return this.#body !== null && this.#body.wantsBytes;
  }
  get bodyDone(): boolean {
    return this.#body === null || this.#body.done;
  }
  /** The request body was malformed: what follows it can't be told from it. */
  get bodyMalformed(): boolean {
    return this.#body !== null && this.#body.malformed;
  }

  receive(bytes: Buffer, offset: number): number {
    return this.#body!.receive(bytes, offset);
  }

  /** The target does not take the upload at the moment, and has not answered either. */
  get uploadHeld(): boolean {
    return this.status === 0 && this.#body !== null && this.#body.held;
  }

  giveUploadUp(): void {
    this.#body!.giveUp();
  }

  /** The rest of a large upload need not pass through reads of Bun. */
  enterLane(readBytes: number): void {
    this.#body?.enterLane(readBytes);
  }

  sendContinue(): void {
    if (!this.#expectsContinue || this.status !== 0) return;
    this.#expectsContinue = false;
    this.#continueSent = true;
    this.#connection.writer.writeText("HTTP/1.1 100 Continue\r\n\r\n");
    this.#connection.writer.flush();
  }

  requestBodyEnded(): void {
    if (this.responseDone) this.#connection.responseEnded();
  }

  requestBodyBroken(): void {
    this.mustClose = true;
    if (this.responseDone) this.#connection.responseEnded();
  }

  // The response.

  sendInformational(status: number, reason: string, fields: Fields): void {
    if (this.#head.version === "HTTP/1.0" || this.status !== 0 || this.aborted) return;
    if (status === 100) {
      // The client has the proxy's own already; one that nobody asked for passes (RFC 9110 15.2).
      if (this.#continueSent) return;
      this.#continueSent = this.#expectsContinue;
      this.#expectsContinue = false;
    }
    const { writer } = this.#connection;
    writer.writeText(serializeResponseHead(status, reason, fields));
    writer.flush();
  }

  sendHead(status: number, reason: string, fields: Fields, framing: BodyFraming): BodySink {
    this.#responseStart = this.#connection.writer.position;
    this.status = status;
    this.responseFields = fields;
    this.#coding = this.#responseCoding(status, framing);
    if (framing.kind === "length") this.#responseRemaining = framing.length;
    if (this.#coding === "until-close" || this.#clientCloses || this.#connection.stopping) {
      this.mustClose = true;
    }
    // A client that waited to be told to send its body may send it now, or the next request.
    const mayGoEitherWay =
      this.#expectsContinue || (this.#continueSent && this.#body?.begun === false);
    if ((mayGoEitherWay && !this.bodyDone) || this.#body?.restIsSmall === false)
      this.mustClose = true;
    this.#writeHead(status, reason, fields);
    return this;
  }

  respond(status: number, fields: Fields, body: Uint8Array, close = false): void {
    if (close) this.mustClose = true;
    fields.set("Content-Length", String(body.length), "content-length");
    this.sendHead(status, reasonPhrase(status), fields, { kind: "length", length: body.length });
    this.write(body);
    this.end(null);
  }

  switchProtocols(reason: string, fields: Fields): Duplex {
    this.status = 101;
    this.responseFields = fields;
    this.mustClose = true;
    const { writer } = this.#connection;
    const head = appendFields(statusLine(101, reason), fields, null);
    writer.writeText(`${head}Connection: Upgrade\r\n${endOfHead}`);
    writer.flush();
    return this.#connection.startTunnel();
  }

  cut(): void {
    this.#connection.destroy();
  }

  attach(source: BodySource): void {
    this.#responseSource = source;
  }

  get descriptor(): number {
    return this.#coding === "length" && !this.aborted ? this.#connection.writer.descriptor : -1;
  }

  passed(bytes: number): void {
    this.#responseRemaining -= bytes;
    this.bodyBytesSent += bytes;
    this.#connection.writer.passed(bytes);
  }

  write(chunk: Uint8Array): boolean {
    const { writer } = this.#connection;
    if (this.aborted) return true;
    switch (this.#coding) {
      case "none":
        return true;
      case "length":
        if (chunk.length > this.#responseRemaining) {
          this.cut();
          return true;
        }
        this.#responseRemaining -= chunk.length;
        writer.write(chunk);
        break;
      case "chunked":
        if (chunk.length === 0) return true;
        writer.writeText(chunkHeader(chunk.length));
        writer.write(chunk);
        writer.writeText("\r\n");
        break;
      case "until-close":
        writer.write(chunk);
        break;
    }
    this.bodyBytesSent += chunk.length;
    return !writer.blocked;
  }

  flush(): void {
    this.#connection.flush();
  }

  end(trailers: Fields | null): void {
    if (this.aborted || this.responseDone) return;
    if (this.#coding === "length" && this.#responseRemaining > 0) {
      this.cut();
      return;
    }
    if (this.#coding === "chunked") this.#connection.writer.writeText(lastChunk(trailers));
    this.#connection.flush();
    this.responseDone = true;
    this.#responseSource = null;
    // Nobody reads the rest of the upload; what is small is thrown away to keep the connection.
    this.#body?.discard();
    this.#connection.responseEnded();
  }

  abort(_error: Error): void {
    // The target broke off and will say so: it is not the client that has gone.
    this.onAbort = null;
    if (this.aborted || !this.#connection.writer.takeBack(this.#responseStart)) {
      this.cut();
      return;
    }
    // A response that has not left in any part can still be another one.
    this.status = 0;
    this.responseFields = null;
    this.bodyBytesSent = 0;
    this.#responseSource = null;
  }

  /** Everything handed over has been taken by the kernel. */
  drained(): void {
    this.#responseSource?.resume();
  }

  /** The client is gone: what it sent is incomplete, what it was sent does not matter. */
  clientGone(): void {
    if (this.aborted || (this.responseDone && this.bodyDone)) return;
    this.aborted = true;
    this.#body?.abort();
    const onAbort = this.onAbort;
    this.onAbort = null;
    if (!this.responseDone) onAbort?.();
  }

  #responseCoding(status: number, framing: BodyFraming): ResponseCoding {
    if (this.#head.method === "HEAD" || isBodyless(status) || framing.kind === "none")
      return "none";
    if (framing.kind === "length") return "length";
    return this.#head.version === "HTTP/1.0" ? "until-close" : "chunked";
  }

  #writeHead(status: number, reason: string, fields: Fields): void {
    const { context, writer } = this.#connection;
    let text = appendFields(statusLine(status, reason), fields, null);
    if (!fields.has("date")) text += `Date: ${httpDate(context.wallMs())}\r\n`;
    if (context.altSvc !== null) text += `Alt-Svc: ${context.altSvc}\r\n`;
    if (this.#coding === "chunked") text += "Transfer-Encoding: chunked\r\n";
    if (this.mustClose) text += "Connection: close\r\n";
    else if (this.#head.version === "HTTP/1.0") text += "Connection: keep-alive\r\n";
    writer.writeText(`${text}\r\n`);
  }
}
