/**
 * A connection from a trusted load balancer: reads the PROXY header, then hands the socket and the bytes
 * behind it to a connection for the client that the header names.
 */
import { ListMember } from "../../../lib/member-list.ts";
import {
  parseProxyHeader,
  type ProxySource,
} from "../../../protocols/proxy-protocol/proxy-header.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ConnectionSet } from "./connection-set.ts";
import type { ProxyHeaderFaults } from "./proxy-header-faults.ts";

export interface ProxiedConnectionOptions {
  /** The peer itself: counts where the header names nobody. */
  peer: ProxySource;
  connections: ConnectionSet;
  headerTimeoutMs: number;
  /** Told of headers that are none. */
  faults: ProxyHeaderFaults;
  /**
   * Makes the connection for the client; from its return on, the socket's events are that one's. So many of
   * the bytes that were handed over last are behind the header, and go to it. Null: the client is turned away.
   */
  accept(source: ProxySource, restBytes: number): ClientConnection | null;
  /** Closes the socket; nonsense gets no answer. */
  close(): void;
}

export class ProxiedConnection extends ListMember implements ClientConnection {
  readonly isFresh = true;
  readonly #options: ProxiedConnectionOptions;
  readonly #sinceMs: number;
  #bytes: Buffer | null = null;
  #closed = false;

  constructor(options: ProxiedConnectionOptions) {
    super();
    this.#options = options;
    options.connections.add(this);
    this.#sinceMs = options.connections.nowMs;
  }

  /** The header was read, or is not waited for any more. */
  get closed(): boolean {
    return this.#closed;
  }

  onData(chunk: Buffer): void {
    if (this.#closed) return;
    const bytes = this.#bytes === null ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = parseProxyHeader(bytes);
    switch (header.kind) {
      case "incomplete":
        this.#bytes = this.#bytes === null ? Buffer.from(bytes) : bytes;
        break;
      case "invalid":
        this.#refuse(header.reason);
        break;
      case "complete": {
        const { accept, peer } = this.#options;
        // It joins the set before this one leaves, so that the set is never taken for empty.
        const restBytes = bytes.length - header.consumed;
        const connection = accept(header.source ?? { ...peer, isUnnamed: true }, restBytes);
        this.#leave();
        if (connection === null) this.#options.close();
        else if (restBytes > 0) connection.onData(bytes.subarray(header.consumed));
        break;
      }
    }
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#closed) return;
    this.onClose();
    this.#options.close();
  }

  /** Health checks of load balancers that send nothing at all are no fault. */
  onClose(): void {
    if (this.#bytes !== null) this.#report("connection ended within the PROXY header");
    this.#leave();
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#sinceMs > this.#options.headerTimeoutMs)
      this.#refuse("no PROXY header in time");
  }

  finish(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#leave();
    this.#options.close();
  }

  #refuse(reason: string): void {
    this.#report(reason);
    this.destroy();
  }

  #report(reason: string): void {
    this.#options.faults.report(this.#options.peer.address, reason);
  }

  #leave(): void {
    this.#closed = true;
    this.#bytes = null;
    this.#options.connections.delete(this);
  }
}
