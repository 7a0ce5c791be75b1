/**
 * The server side of HTTP/1.1 (RFC 9112): one state machine per client connection. Requests are read
 * one after the other; what a client sends ahead waits, bounded, until the response is complete.
 */
import { maxDiscardBytes, maxLingerBytes } from "../../../config/limits.ts";
import { ListMember } from "../../../lib/member-list.ts";
import { releaseReceived } from "../../../net/received-buffer.ts";
import { SocketDuplex } from "../../../net/socket-duplex.ts";
import { SocketWriter } from "../../../net/socket-writer.ts";
import { requestUnits } from "../../../net/work-budget.ts";
import type { Duplex } from "../../../protocols/http/body.ts";
import type { ClientPeer } from "../../../protocols/http/exchange.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { HeadReader } from "../../../protocols/http1/head-reader.ts";
import { prefaceBytesAt } from "../../../protocols/http2/frames.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { ExchangeConnection } from "./exchange-connection.ts";
import type { Http1Context } from "./http1-context.ts";
import { type EndingConnection, Http1Ending } from "./http1-ending.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { Http1Input, type Http1InputOwner } from "./http1-input.ts";
import { refusalText, type RefusalStatus } from "./http1-refusal.ts";
import { readHttp1Request } from "./http1-request.ts";

/** What the connection is there for at the moment. */
type State = "head" | "exchange" | "tunnel" | "ending" | "closed";

const endedHere = new Error("the connection was ended by the proxy");
/** What the preface of HTTP/2 looks like to a reader of heads. */
const prefaceHead = "PRI * HTTP/2.0\r\n";

export class Http1Connection
  extends ListMember
  implements ClientConnection, ExchangeConnection, EndingConnection, Http1InputOwner
{
  readonly socket: ClientSocket;
  readonly context: Http1Context;
  readonly client: ClientPeer;
  readonly writer: SocketWriter;
  readonly input: Http1Input;
  readonly #headReader: HeadReader;

  #state: State = "head";
  #exchange: Http1Exchange | null = null;
  #tunnel: SocketDuplex | null = null;
  #ending: Http1Ending | null = null;
  clientEnded = false;
  #stopping = false;
  isFresh = true;
  /** When the present wait for the client began, or its last byte of progress, either way. */
  #sinceMs: number;

  constructor(socket: ClientSocket, context: Http1Context, client: ClientPeer) {
    super();
    this.socket = socket;
    this.context = context;
    this.writer = new SocketWriter(socket, context.scheme === "http");
    this.input = new Http1Input(socket, this);
    this.#headReader = new HeadReader("request", context.limits.maxHeaderBytes);
    this.client = client;
    context.connections.add(this);
    this.#sinceMs = context.connections.nowMs;
  }

  // Events of the socket.

  onData(chunk: Buffer): void {
    if (this.#state === "ending") this.#ending!.onData(chunk.length);
    else if (this.#state === "tunnel") this.#tunnel!.onData(chunk);
    else if (this.#state !== "closed") this.#receive(chunk);
  }

  #receive(chunk: Buffer): void {
    if (this.#state === "exchange" || this.#idle) this.progressed();
    if (!this.input.receive(chunk)) return;
    this.#exchange?.enterLane(chunk.length);
    releaseReceived(chunk);
  }

  onDrain(): void {
    if (this.#state === "closed") return;
    if (this.#state === "tunnel") {
      this.#tunnel!.onDrain();
      return;
    }
    const takenBefore = this.writer.takenBytes;
    const isSent = this.writer.drain();
    // Bun may call this without need: only bytes that were taken are progress.
    if (this.writer.takenBytes > takenBefore) this.progressed();
    if (!isSent) return;
    if (this.#state === "ending") this.#ending!.onTaken();
    else if (this.#state === "head") this.#next();
    else this.#exchange?.drained();
  }

  onEnd(): void {
    this.clientEnded = true;
    // What came before is read first.
    if (this.input.queued && this.reads) return;
    if (this.#state === "tunnel") {
      this.#tunnel!.onPeerEnd();
      return;
    }
    if (this.#state === "ending" && !this.#ending!.lingers) return;
    // Requests that were pipelined before the FIN are still answered, the last one as well when it
    // waits behind another; a client that half-closes while its only request runs counts as gone.
    if (this.#state === "exchange" && this.#exchange!.bodyDone && this.input.length > 0) return;
    if (this.#state === "head") this.inputUsed();
    else this.destroy();
  }

  onClose(error: Error | null): void {
    if (this.#state === "tunnel") this.#tunnel!.onClose(error);
    else this.#closed();
  }

  sweep(nowMs: number): void {
    // A target may think as long as it is allowed to; and the wait for a turn is no fault of the client.
    const isOurs = this.#state === "exchange" && !this.#awaitsClient && !this.#exchange!.uploadHeld;
    if (isOurs || this.input.queued) this.#sinceMs = nowMs;
    if (nowMs - this.#sinceMs <= this.#patienceMs) return;
    if (this.awaitsHead && this.input.length > 0) this.#refuse(408);
    else if (this.#state === "exchange" && !this.#awaitsClient) this.#exchange!.giveUploadUp();
    else this.destroy();
  }

  get #patienceMs(): number {
    const { headerTimeoutMs, idleTimeoutMs, stallTimeoutMs } = this.context.limits;
    switch (this.#state) {
      case "head":
        if (this.writer.blocked) return stallTimeoutMs;
        return this.#idle ? idleTimeoutMs : headerTimeoutMs;
      case "exchange":
        return stallTimeoutMs;
      case "ending":
        return this.#ending!.patienceMs(stallTimeoutMs);
      case "tunnel":
      case "closed":
        return Number.POSITIVE_INFINITY;
    }
  }

  /** What is answered now is the last answer on this connection. */
  get stopping(): boolean {
    return this.#stopping || this.context.connections.retiring;
  }

  finish(): void {
    this.#stopping = true;
    if (this.#state === "head" && (this.input.length === 0 || this.writer.blocked)) {
      this.#closeWhenSent(this.input.length > 0);
    }
  }

  /** Ends the connection at once; an exchange under way is told. */
  destroy(): void {
    if (this.#state === "closed") return;
    if (this.#state === "tunnel") {
      this.#tunnel!.fail(endedHere);
      return;
    }
    // Where the close ends the body, only RST tells the client that there should have been more.
    const looksComplete = this.#exchange?.endsByClose === true;
    // Answers to earlier requests of the same read.
    if (this.input.busy) this.writer.flush();
    this.#closed();
    if (looksComplete) this.socket.terminate();
    else this.socket.end();
  }

  // Calls of the exchange.

  flush(): void {
    if (!this.input.busy) this.writer.flushSoon();
  }

  get readDescriptor(): number {
    if (this.context.scheme !== "http" || this.#state !== "exchange" || this.input.length > 0)
      return -1;
    return this.socket.fd ?? -1;
  }

  progressed(): void {
    this.#sinceMs = this.context.connections.nowMs;
  }

  /** A FIN that waits behind the last bytes is delivered by the next turn of the event loop. */
  afterNextRead(callback: () => void): void {
    setImmediate(() => setImmediate(callback));
  }

  responseEnded(): void {
    if (this.#exchange === null || this.#state !== "exchange") return;
    const exchange = this.#exchange;
    this.progressed();
    if (exchange.mustClose || this.stopping) {
      // Unread bytes at a close make the kernel send RST, which may destroy the answer on its way.
      this.#closeWhenSent(exchange.bodyMalformed || !exchange.bodyDone || this.input.length > 0);
      return;
    }
    if (!exchange.bodyDone) {
      this.input.pump();
      return;
    }
    this.#exchange = null;
    this.#state = "head";
    if (!this.input.busy) this.#next();
  }

  /** The client has read all answers so far: the next request may follow. */
  #next(): void {
    this.input.pump();
    this.inputUsed();
  }

  startTunnel(): Duplex {
    const tunnel = new SocketDuplex(this.socket, this.writer, this.input.handOver(), {
      breakOff: () => this.socket.end(),
      closed: () => this.#closed(),
    });
    this.#state = "tunnel";
    this.#exchange = null;
    this.context.connections.upgraded(this);
    this.#tunnel = tunnel;
    if (this.clientEnded) tunnel.onPeerEnd();
    return tunnel;
  }

  /** Between two requests. */
  get #idle(): boolean {
    return this.input.length === 0 && !this.isFresh;
  }
  /** It is up to the client to go on: to read what it was sent, or to send its body. */
  get #awaitsClient(): boolean {
    return this.writer.blocked || this.#exchange!.wantsBody;
  }

  // What the client has sent.

  get reads(): boolean {
    return this.#state === "head" || this.#state === "exchange" || this.#state === "tunnel";
  }

  get awaitsHead(): boolean {
    return this.#state === "head" && !this.writer.blocked;
  }

  use(bytes: Buffer, offset: number): number {
    switch (this.#state) {
      case "head":
        // Who does not read the answers gets no more of them: they would pile up here.
        if (this.writer.blocked || !this.input.mayReadOn(requestUnits)) return -1;
        return this.#readHead(bytes, offset);
      case "exchange":
        return this.#exchange!.wantsBody ? this.#exchange!.receive(bytes, offset) : -1;
      case "tunnel":
        this.input.keepRead();
        this.#tunnel!.onData(offset === 0 ? bytes : bytes.subarray(offset));
        return bytes.length;
      case "ending":
        return this.#ending!.lingers ? bytes.length : -1;
      case "closed":
        return bytes.length;
    }
  }

  /** What is incomplete when the client has ended its side stays so. */
  inputUsed(): void {
    if (!this.clientEnded || this.input.queued) return;
    const exchange = this.#exchange;
    if (this.#state === "head") {
      // Answers may still be on their way, and requests before them.
      if (!this.writer.blocked || this.input.length === 0) this.#closeWhenSent(false);
    } else if (this.#state === "exchange" && this.input.length === 0 && !exchange!.bodyDone) {
      this.#exchange = null;
      exchange!.clientGone();
      this.#closeWhenSent(false);
    }
  }

  giveUp(): void {
    this.#closed();
    this.socket.terminate();
  }

  /** Returns the index behind the head, or -1 while it is incomplete. */
  #readHead(bytes: Buffer, offset: number): number {
    const head = this.#headReader.read(bytes, offset);
    if (head === null) return -1;
    if (head === prefaceHead && this.#becomeHttp2(bytes, offset)) return bytes.length;
    if (typeof head === "string" && this.#begin(head)) return this.#headReader.end;
    if (head instanceof HeadFault) this.#refuse(head.status);
    return bytes.length;
  }

  /** False when it only begins alike. */
  #becomeHttp2(bytes: Buffer, offset: number): boolean {
    const { acceptHttp2 } = this.context;
    if (acceptHttp2 === null || !this.isFresh || prefaceBytesAt(bytes, offset, 0) < 0) return false;
    // A copy, because both would give the memory of the read back. It joins the set before this one leaves.
    const read = Buffer.from(bytes.subarray(offset));
    const connection = acceptHttp2(this.socket, this.client);
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
    this.isFresh = false;
    this.#state = "exchange";
    this.progressed();
    this.context.handle(exchange);
    return true;
  }

  // Ending.

  /** Answers what can't be read as a request, and closes. */
  #refuse(status: RefusalStatus): void {
    this.writer.writeText(refusalText(status, this.context));
    this.#closeWhenSent(true, maxDiscardBytes);
  }

  #closeWhenSent(linger: boolean, maxDiscardedBytes = maxLingerBytes): void {
    if (this.#state === "closed") return;
    this.#state = "ending";
    this.#ending = new Http1Ending(this, linger ? maxDiscardedBytes : 0);
    this.writer.flush();
    if (!this.writer.blocked) this.#ending.onTaken();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.input.leave();
    this.writer.close();
    this.context.connections.delete(this);
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.clientGone();
  }
}
