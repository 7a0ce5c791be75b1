/**
 * A connection of the http port before its first bytes: the preface of HTTP/2 (RFC 9113 3.3, prior knowledge)
 * makes it one, everything else is HTTP/1.1.
 */
import { clientPreface } from "../../../protocols/http2/frames.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ConnectionSet } from "./connection-set.ts";

export interface PlainOpeningOptions {
  connections: ConnectionSet;
  headerTimeoutMs: number;
  /** Make the connection; from their return on, the socket's events are that one's. */
  acceptHttp1(): ClientConnection;
  acceptHttp2(): ClientConnection;
  /** Closes the socket. */
  close(): void;
}

export class PlainOpening implements ClientConnection {
  readonly #options: PlainOpeningOptions;
  readonly #sinceMs: number;
  /** Begins as the preface does. */
  #bytes: Buffer | null = null;
  #closed = false;

  constructor(options: PlainOpeningOptions) {
    this.#options = options;
    options.connections.add(this);
    this.#sinceMs = options.connections.nowMs;
  }

  onData(chunk: Buffer): void {
    if (this.#closed) return;
    const bytes = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const length = Math.min(bytes.length, clientPreface.length);
    const isPreface = bytes.compare(clientPreface, 0, length, 0, length) === 0;
    if (isPreface && length < clientPreface.length) {
      this.#bytes = Buffer.from(bytes);
      return;
    }
    // It joins the set before this one leaves, so that the set is never taken for empty.
    const connection = isPreface ? this.#options.acceptHttp2() : this.#options.acceptHttp1();
    this.#leave();
    connection.onData(bytes);
  }

  onDrain(): void {}

  onEnd(): void {
    this.destroy();
  }

  onClose(): void {
    this.#leave();
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#sinceMs > this.#options.headerTimeoutMs) this.destroy();
  }

  finish(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#leave();
    this.#options.close();
  }

  #leave(): void {
    this.#closed = true;
    this.#bytes = null;
    this.#options.connections.delete(this);
  }
}
