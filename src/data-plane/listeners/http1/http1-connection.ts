/**
 * The server side of HTTP/1.1 (RFC 9112): one state machine per client connection. Requests are read
 * one after the other; what a client sends ahead waits, bounded, until the response is complete.
 */
import type { Duplex } from "../../../protocols/http/body.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import { ByteQueue } from "../../../net/byte-queue.ts";
import { releaseReceived } from "../../../net/received-buffer.ts";
import { SocketDuplex } from "../../../net/socket-duplex.ts";
import { SocketWriter } from "../../../net/socket-writer.ts";
import {
  type BudgetedReader,
  discardUnits,
  requestUnits,
  workBudget,
} from "../../../net/work-budget.ts";
import { type ClientLimits } from "../../../config/defaults.ts";
import {
  lingerTimeoutMs,
  maxDiscardBytes,
  maxLingerBytes,
  maxReadAheadBytes,
} from "../../../config/limits.ts";
import type { ClientPeer, Exchange, Scheme } from "../../../protocols/http/exchange.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { ConnectionSet } from "../accept/connection-set.ts";
import { errorCodeField, headFaultCode } from "../../proxy/answers/failure.ts";
import { HeadReader } from "../../../protocols/http1/head-reader.ts";
import { clientPreface } from "../../../protocols/http2/frames.ts";
import type { ExchangeConnection } from "./exchange-connection.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { readHttp1Request } from "./http1-request.ts";

export interface Http1Context {
  scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  altSvc: string | null;
  /** Answers to what is no request have a field with the reason. */
  showsErrorCodes: boolean;
  limits: ClientLimits;
  connections: ConnectionSet;
  handle(exchange: Exchange): void;
  wallMs(): number;
  /**
   * What a connection becomes that begins with the preface of HTTP/2 (RFC 9113 3.3): from the return on, the
   * socket's events are that one's. Null: there is no such thing.
   */
  acceptHttp2: ((socket: ClientSocket, client: ClientPeer) => ClientConnection) | null;
}

/** `draining`: closes when everything is sent; `lingering`: FIN sent, what still comes is thrown away. */
type State = "head" | "exchange" | "tunnel" | "draining" | "lingering" | "closed";

const endedHere = new Error("the connection was ended by the proxy");
const noBytes = new Uint8Array();
/** What the preface of HTTP/2 looks like to a reader of heads. */
const prefaceHead = "PRI * HTTP/2.0\r\n";

export class Http1Connection implements ClientConnection, ExchangeConnection, BudgetedReader {
  readonly #socket: ClientSocket;
  readonly #context: Http1Context;
  readonly writer: SocketWriter;
  readonly client: ClientPeer;

  #state: State = "head";
  readonly #input = new ByteQueue();
  readonly #headReader: HeadReader;
  #exchange: Http1Exchange | null = null;
  #tunnel: SocketDuplex | null = null;
  #processing = false;
  /** Somebody wants bytes while bytes are being handed out: the socket reads on afterwards. */
  #pumpWanted = false;
  /** Bytes of the present read are still needed by somebody. */
  #readKept = false;
  /** Somebody wants no more bytes for now. */
  #held = false;
  /** What was received waits for its turn. */
  #queued = false;
  #paused = false;
  #ended = false;
  #lingerAfterDrain = false;
  #stopping = false;
  #served = 0;
  #discardedBytes = 0;
  #maxDiscardedBytes = maxLingerBytes;
  /** When the present wait for the client began, or its last byte of progress, either way. */
  #sinceMs: number;

  constructor(socket: ClientSocket, context: Http1Context, client: ClientPeer) {
    this.#socket = socket;
    this.#context = context;
    this.writer = new SocketWriter(socket, context.scheme === "http");
    this.#headReader = new HeadReader("request", context.limits.maxHeaderBytes);
    this.client = client;
    context.connections.add(this);
    this.#sinceMs = context.connections.nowMs;
  }

  get scheme(): Scheme {
    return this.#context.scheme;
  }

  get altSvc(): string | null {
    return this.#context.altSvc;
  }

  wallMs(): number {
    return this.#context.wallMs();
  }

  // Events of the socket.

  onData(chunk: Buffer): void {
    workBudget.begin(this);
    if (this.#state === "lingering") {
      this.#discard(chunk.length);
      return;
    }
    if (this.#state === "closed" || this.#state === "draining") return;
    if (this.#state === "tunnel") {
      this.#tunnel!.onData(chunk);
      return;
    }
    if (this.#state !== "head" || (this.#input.length === 0 && this.#served > 0)) {
      this.#sinceMs = this.#context.connections.nowMs;
    }
    if (this.#processing || this.#input.length > 0) {
      this.#input.append(chunk);
      this.#processInput();
      return;
    }
    this.#readKept = false;
    const consumed = this.#process(chunk);
    if (consumed < chunk.length && this.#reads && this.#input.keep(chunk, consumed)) {
      this.#readKept = true;
    }
    if (!this.#readKept) {
      this.#exchange?.enterLane(chunk.length);
      releaseReceived(chunk);
    }
    this.#limitReadAhead();
  }

  onDrain(): void {
    if (this.#state === "closed") return;
    if (this.#state === "tunnel") {
      this.#tunnel!.onDrain();
      return;
    }
    const { writer } = this;
    const takenBefore = writer.takenBytes;
    const isSent = writer.drain();
    // Bun may call this without need: only bytes that were taken are progress.
    if (writer.takenBytes > takenBefore) this.#sinceMs = this.#context.connections.nowMs;
    if (!isSent) return;
    if (this.#state === "draining") this.#closeAfterDrain();
    else if (this.#state === "head") this.#answersTaken();
    else this.#exchange?.drained();
  }

  onEnd(): void {
    this.#ended = true;
    // What came before is read first.
    if (this.#queued && this.#reads) return;
    if (this.#state === "tunnel") {
      this.#tunnel!.onPeerEnd();
      return;
    }
    if (this.#state === "draining") return;
    // Requests that were pipelined before the FIN are still answered, the last one as well when it
    // waits behind another; a client that half-closes while its only request runs counts as gone.
    if (this.#state === "exchange" && this.#exchange!.bodyDone && this.#input.length > 0) return;
    if (this.#state === "head") this.#closeWhenAnswered();
    else this.destroy();
  }

  onClose(error: Error | null): void {
    if (this.#state === "tunnel") this.#tunnel!.onClose(error);
    else this.#closed();
  }

  sweep(nowMs: number): void {
    // A target may think as long as it is allowed to; and the wait for a turn is no fault of the client.
    const isOurs = this.#state === "exchange" && !this.#awaitsClient && !this.#exchange!.uploadHeld;
    if (isOurs || this.#queued) this.#sinceMs = nowMs;
    const waitedMs = nowMs - this.#sinceMs;
    const { limits } = this.#context;
    switch (this.#state) {
      case "head":
        if (this.writer.blocked) {
          if (waitedMs > limits.stallTimeoutMs) this.destroy();
        } else if (this.#input.length === 0 && this.#served > 0) {
          if (waitedMs > limits.idleTimeoutMs) this.destroy();
        } else if (waitedMs > limits.headerTimeoutMs) {
          if (this.#input.length === 0) this.destroy();
          else this.#refuse(408);
        }
        break;
      case "exchange":
        if (waitedMs <= limits.stallTimeoutMs) break;
        if (this.#awaitsClient) this.destroy();
        else this.#exchange!.giveUploadUp();
        break;
      case "draining":
        if (waitedMs > limits.stallTimeoutMs) this.destroy();
        break;
      case "lingering":
        if (waitedMs > lingerTimeoutMs) this.destroy();
        break;
      case "tunnel":
      case "closed":
        break;
    }
  }

  /** What is answered now is the last answer on this connection. */
  get stopping(): boolean {
    return this.#stopping || this.#context.connections.retiring;
  }

  finish(): void {
    this.#stopping = true;
    if (this.#state === "head" && (this.#input.length === 0 || this.writer.blocked)) {
      this.#closeWhenSent(this.#input.length > 0);
    }
  }

  /** Ends the connection at once; an exchange under way is told. */
  destroy(): void {
    if (this.#state === "closed") return;
    if (this.#state === "tunnel") {
      this.#tunnel!.fail(endedHere);
      return;
    }
    const socket = this.#socket;
    // Where the close ends the body, only RST tells the client that there should have been more.
    const looksComplete = this.#exchange !== null && this.#exchange.endsByClose;
    // Answers to earlier requests of the same read.
    if (this.#processing) this.writer.flush();
    this.#closed();
    if (looksComplete) socket.terminate();
    else socket.end();
  }

  // Calls of the exchange.

  pump(): void {
    if (this.#processing) {
      this.#pumpWanted = true;
      return;
    }
    this.#resumeReading();
    if (this.#input.length > 0) this.#processInput();
  }

  holdReading(): void {
    this.#pumpWanted = false;
    this.#held = true;
    this.#pauseOrResume();
  }

  #resumeReading(): void {
    this.#held = false;
    this.#pauseOrResume();
  }

  #pauseOrResume(): void {
    const pause = this.#held || this.#queued;
    // A tunnel does it by itself.
    if (pause === this.#paused || this.#state === "tunnel" || this.#state === "closed") return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  mayReadOn(units: number): boolean {
    this.#queued = !workBudget.spend(this, units);
    return !this.#queued;
  }

  /** The turn of what was received has come. */
  readOn(): void {
    this.#queued = false;
    if (this.#reads) {
      this.progressed();
      workBudget.begin(this);
      if (this.#input.length > 0) this.#processInput();
      else if (this.#ended) this.#endWithClient();
    }
    this.#pauseOrResume();
  }

  fail(): void {
    this.#closed();
    this.#socket.terminate();
  }

  flush(): void {
    if (!this.#processing) this.writer.flush();
  }

  keepRead(): void {
    this.#readKept = true;
  }

  get readDescriptor(): number {
    if (this.scheme !== "http" || this.#state !== "exchange" || this.#input.length > 0) return -1;
    return this.#socket.fd ?? -1;
  }

  progressed(): void {
    this.#sinceMs = this.#context.connections.nowMs;
  }

  get readingHeld(): boolean {
    return this.#paused;
  }

  /** A FIN that waits behind the last bytes is delivered by the next turn of the event loop. */
  afterNextRead(callback: () => void): void {
    setImmediate(() => setImmediate(callback));
  }

  responseEnded(): void {
    const exchange = this.#exchange;
    if (exchange === null || this.#state !== "exchange") return;
    this.#sinceMs = this.#context.connections.nowMs;
    if (exchange.mustClose || this.stopping) {
      // Unread bytes at a close make the kernel send RST, which may destroy the answer on its way.
      this.#closeWhenSent(exchange.bodyMalformed || !exchange.bodyDone || this.#input.length > 0);
      return;
    }
    if (!exchange.bodyDone) {
      this.pump();
      return;
    }
    this.#exchange = null;
    this.#served++;
    this.#state = "head";
    if (this.#processing) return;
    this.pump();
    if (this.#ended) this.#endWithClient();
  }

  startTunnel(): Duplex {
    this.holdReading();
    const tunnel = new SocketDuplex(this.#socket, this.writer, this.#input.view(), {
      breakOff: () => this.#socket.end(),
      closed: () => this.#closed(),
    });
    this.#input.consume(this.#input.length);
    this.#state = "tunnel";
    this.#exchange = null;
    this.#context.connections.upgraded(this);
    this.#tunnel = tunnel;
    if (this.#ended) tunnel.onPeerEnd();
    return tunnel;
  }

  // Reading.

  /** It is up to the client to go on: to read what it was sent, or to send its body. */
  get #awaitsClient(): boolean {
    return this.writer.blocked || this.#exchange!.wantsBody;
  }

  get #reads(): boolean {
    return this.#state === "head" || this.#state === "exchange" || this.#state === "tunnel";
  }

  #processInput(): void {
    if (this.#processing || this.#queued) return;
    const consumed = this.#process(this.#input.view());
    this.#input.consume(consumed);
    this.#limitReadAhead();
    if (this.#ended) this.#endWithClient();
  }

  /** Once all that the client has sent was read, what is incomplete stays so. */
  #endWithClient(): void {
    const exchange = this.#exchange;
    if (this.#queued) return;
    if (this.#state === "head") {
      this.#closeWhenAnswered();
    } else if (this.#state === "exchange" && this.#input.length === 0 && !exchange!.bodyDone) {
      this.#exchange = null;
      exchange!.clientGone();
      this.#closeWhenSent(false);
    }
  }

  /** Reads as much as can be used now; returns how many bytes that was. */
  #process(bytes: Buffer): number {
    this.#processing = true;
    let offset = 0;
    while (offset < bytes.length && !this.#queued) {
      if (this.#state === "head") {
        // Who does not read the answers gets no more of them: they would pile up here.
        if (this.writer.blocked || !this.mayReadOn(requestUnits)) break;
        const headEnd = this.#readHead(bytes, offset);
        if (headEnd === offset) break;
        offset = headEnd;
      } else if (this.#state === "exchange" && this.#exchange!.wantsBody) {
        offset = this.#exchange!.receive(bytes, offset);
      } else if (this.#state === "tunnel") {
        this.keepRead();
        this.#tunnel!.onData(offset === 0 ? bytes : bytes.subarray(offset));
        offset = bytes.length;
      } else if (this.#state === "lingering" || this.#state === "closed") {
        offset = bytes.length;
      } else {
        break;
      }
    }
    this.#processing = false;
    this.writer.flush();
    if (this.#pumpWanted) {
      this.#pumpWanted = false;
      this.#held = false;
    }
    this.#pauseOrResume();
    return offset;
  }

  #limitReadAhead(): void {
    if (!this.#reads || this.#queued || (this.#state === "head" && !this.writer.blocked)) return;
    if (this.#input.length > maxReadAheadBytes) this.holdReading();
  }

  /** Returns the index behind the head, or `offset` while it is incomplete. */
  #readHead(bytes: Buffer, offset: number): number {
    const head = this.#headReader.read(bytes, offset);
    if (head === null) return offset;
    if (head === prefaceHead && this.#becomeHttp2(bytes, offset)) return bytes.length;
    if (typeof head === "string" && this.#begin(head)) return this.#headReader.end;
    if (head instanceof HeadFault) this.#refuse(head.status);
    return bytes.length;
  }

  /** False when it only begins alike. */
  #becomeHttp2(bytes: Buffer, offset: number): boolean {
    const { acceptHttp2 } = this.#context;
    const length = Math.min(bytes.length - offset, clientPreface.length);
    const isPreface = bytes.compare(clientPreface, 0, length, offset, offset + length) === 0;
    if (acceptHttp2 === null || !isPreface || this.#served > 0) return false;
    // A copy, because both would give the memory of the read back. It joins the set before this one leaves.
    const read = Buffer.from(bytes.subarray(offset));
    const connection = acceptHttp2(this.#socket, this.client);
    this.#closed();
    connection.onData(read);
    return true;
  }

  /** A whole head has come. False when the request was refused. */
  #begin(text: string): boolean {
    const request = readHttp1Request(text);
    if (request instanceof HeadFault) {
      this.#refuse(request.status);
      return false;
    }
    const exchange = new Http1Exchange(this, request);
    this.#exchange = exchange;
    this.#state = "exchange";
    this.#sinceMs = this.#context.connections.nowMs;
    if (exchange.path === "*") exchange.respond(200, new Fields(), noBytes);
    else this.#context.handle(exchange);
    return true;
  }

  /** The client has read all answers so far: the next request may follow. */
  #answersTaken(): void {
    this.pump();
    if (this.#ended) this.#endWithClient();
  }

  // Ending.

  /** No further request can come; answers may still be on their way, and requests before them. */
  #closeWhenAnswered(): void {
    if (!this.writer.blocked || this.#input.length === 0) this.#closeWhenSent(false);
  }

  /** Answers what can't be read as a request, and closes. */
  #refuse(status: HeadFault["status"] | 408): void {
    const text = `${status} ${reasonPhrase(status)}`;
    const altSvc = this.altSvc === null ? "" : `Alt-Svc: ${this.altSvc}\r\n`;
    const code = this.#context.showsErrorCodes
      ? `${errorCodeField}: ${headFaultCode(status)}\r\n`
      : "";
    this.writer.writeText(
      `HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `${altSvc}${code}Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
    );
    this.#maxDiscardedBytes = maxDiscardBytes;
    this.#closeWhenSent(true);
  }

  #closeWhenSent(linger: boolean): void {
    if (this.#state === "closed") return;
    this.#lingerAfterDrain = linger;
    this.#state = "draining";
    this.writer.flush();
    if (!this.writer.blocked) this.#closeAfterDrain();
  }

  #closeAfterDrain(): void {
    if (!this.#lingerAfterDrain || this.#ended) {
      this.destroy();
      return;
    }
    this.#state = "lingering";
    this.#sinceMs = this.#context.connections.nowMs;
    this.#input.consume(this.#input.length);
    this.#socket.shutdown();
    this.#resumeReading();
  }

  #discard(count: number): void {
    this.#discardedBytes += count;
    if (this.#discardedBytes > this.#maxDiscardedBytes) this.destroy();
    else if (!this.mayReadOn(count * discardUnits)) this.#pauseOrResume();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.writer.close();
    this.#context.connections.delete(this);
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.clientGone();
  }
}
