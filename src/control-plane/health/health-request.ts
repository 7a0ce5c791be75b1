/**
 * One GET over a connection of its own, and the answer to it, read as forwarding reads: what could not be
 * forwarded is no answer of a healthy app.
 */
import type { Socket } from "bun";
import { maxHealthAnswerBytes } from "../../config/limits.ts";
import type { DeadlineQueue } from "../../lib/deadline-queue.ts";
import { connectionFaultOf } from "../../lib/error-text.ts";
import type {
  ConnectOwner,
  Connector,
  PendingConnection,
  SocketOwner,
} from "../../net/connector.ts";
import type { ResponseHead } from "../../protocols/http/message-head.ts";
import { type ResponseHandler, ResponseParser } from "../../protocols/http1/response-parser.ts";
import type { HealthEndpoint } from "./health-endpoint.ts";

export interface HealthAnswer {
  status: number;
  location: string | null;
}

export class HealthRequest implements ConnectOwner, ResponseHandler {
  readonly #endpoint: HealthEndpoint;
  readonly #signal: AbortSignal;
  readonly #outcome = Promise.withResolvers<HealthAnswer | string>();
  readonly #parser = new ResponseParser();
  readonly #onAbort = (): void => this.#abort();
  #pending: PendingConnection | null = null;
  #socket: Socket<SocketOwner> | null = null;
  #answer: HealthAnswer | null = null;
  #bodyBytes = 0;
  /** Null: nobody wants the body. */
  readonly #chunks: Uint8Array[] | null;
  readonly #maxBodyBytes: number;

  /** With `wantedBodyBytes` the answer is there with its body, or so much of it. */
  constructor(endpoint: HealthEndpoint, signal: AbortSignal, wantedBodyBytes = 0) {
    this.#endpoint = endpoint;
    this.#signal = signal;
    this.#chunks = wantedBodyBytes > 0 ? [] : null;
    this.#maxBodyBytes = wantedBodyBytes > 0 ? wantedBodyBytes : maxHealthAnswerBytes;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks ?? []);
  }

  /** There is more of the body than was wanted. */
  get isCut(): boolean {
    return this.#bodyBytes > this.#maxBodyBytes;
  }

  /** The answer, or why there is none. Rejects with the signal's reason when that comes first. */
  send(connector: Connector, within: DeadlineQueue): Promise<HealthAnswer | string> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#pending = connector.connect(this.#endpoint, this, within);
    return this.#outcome.promise;
  }

  onOpen(socket: Socket<SocketOwner>): void {
    const { path, hostField } = this.#endpoint;
    this.#pending = null;
    this.#socket = socket;
    this.#parser.start("GET", this);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostField}\r\n` +
        "User-Agent: kamal-proxy\r\nConnection: close\r\n\r\n",
    );
  }

  onConnectError(error: Error): void {
    this.#finish(connectionFaultOf(error));
  }

  onConnectTimeout(): void {
    this.#finish("connection timed out");
  }

  onData(bytes: Buffer): void {
    const reason = this.#parser.feed(bytes);
    if (typeof reason === "string") this.#finish(`malformed answer: ${reason}`);
  }

  onDrain(): void {}

  onPeerEnd(): void {
    if (!this.#parser.finish()) this.#finish(this.#brokenOff("connection closed"));
  }

  onClose(error: Error | null): void {
    this.#finish(this.#brokenOff(error === null ? "connection closed" : connectionFaultOf(error)));
  }

  onInformational(): void {}

  onSwitch(): void {
    this.#finish("malformed answer: it switches to a protocol that was not asked for");
  }

  onHead(head: ResponseHead): void {
    this.#answer = { status: head.status, location: head.fields.get("location") ?? null };
  }

  /** A body that never ends does not change the status that came before it. */
  onBody(chunk: Uint8Array): boolean {
    this.#bodyBytes += chunk.length;
    this.#chunks?.push(chunk);
    if (this.isCut) this.#finish(this.#answer!);
    return true;
  }

  onEnd(): void {
    this.#finish(this.#answer!);
  }

  #abort(): void {
    if (this.#answer === null || this.#chunks !== null) this.#outcome.reject(this.#signal.reason);
    else this.#outcome.resolve(this.#answer);
    this.#release();
  }

  /** A status counts without its body, where nobody wants that. */
  #brokenOff(reason: string): HealthAnswer | string {
    if (this.#answer === null) {
      return reason === "connection closed" ? `${reason} without an answer` : reason;
    }
    return this.#chunks === null ? this.#answer : `${reason} within the answer`;
  }

  #finish(outcome: HealthAnswer | string): void {
    this.#outcome.resolve(outcome);
    this.#release();
  }

  #release(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#parser.stop();
    this.#pending?.cancel();
    this.#pending = null;
    this.#socket?.terminate();
    this.#socket = null;
  }
}
