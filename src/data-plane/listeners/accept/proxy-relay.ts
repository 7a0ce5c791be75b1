/**
 * One connection of the port in front of TLS: its bytes go to the TLS listener as they are, and back,
 * each side held back by the other.
 */
import { ByteQueue } from "../../../net/byte-queue.ts";
import { SocketWriter } from "../../../net/socket-writer.ts";
import type { ClientConnection, ClientSocket } from "./client-connection.ts";
import type { ConnectionSet } from "./connection-set.ts";

export interface ProxyRelayContext {
  connections: ConnectionSet;
  /** Of the TLS listener, on the loopback interface. */
  innerPort: number;
  /** No progress of a client that is given its last bytes. */
  stallTimeoutMs: number;
  /** The inner connection has this port from now on, and no more. */
  opened(localPort: number): void;
  closed(localPort: number): void;
}

export const innerHost = "127.0.0.1";

export class ProxyRelay implements ClientConnection {
  readonly #client: ClientSocket;
  readonly #toClient: SocketWriter;
  readonly #context: ProxyRelayContext;
  readonly #early = new ByteQueue();
  #inner: Bun.Socket<undefined> | null = null;
  #innerPort = 0;
  #toInner: SocketWriter | null = null;
  /** FIN was received from there, and is to be passed on behind the last byte. */
  #clientEnded = false;
  #innerEnded = false;
  #innerClosed = false;
  #closed = false;
  #sinceMs: number;

  constructor(client: ClientSocket, context: ProxyRelayContext) {
    this.#client = client;
    this.#toClient = new SocketWriter(client);
    this.#context = context;
    context.connections.add(this);
    this.#sinceMs = context.connections.nowMs;
    client.pause();
    void this.#connect();
  }

  // Events of the client's socket.

  onData(chunk: Buffer): void {
    if (this.#toInner === null) {
      if (!this.#closed) this.#early.append(chunk);
      return;
    }
    this.#toInner.write(chunk);
    this.#toInner.flush();
    if (this.#toInner.blocked) this.#client.pause();
  }

  onDrain(): void {
    if (this.#closed || !this.#toClient.drain()) return;
    this.#sinceMs = this.#context.connections.nowMs;
    if (this.#innerEnded) this.#endClient();
    else this.#inner?.resume();
  }

  onEnd(): void {
    this.#clientEnded = true;
    this.#endInner();
  }

  onClose(): void {
    this.#close();
  }

  sweep(nowMs: number): void {
    // Everything else is up to the connection behind the TLS listener.
    if (this.#innerEnded && nowMs - this.#sinceMs > this.#context.stallTimeoutMs) this.destroy();
  }

  /** The TLS listener ends its connections, and this one with them. */
  finish(): void {
    if (this.#inner === null) this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#close();
    this.#client.end();
  }

  // The connection to the TLS listener.

  async #connect(): Promise<void> {
    try {
      await Bun.connect({
        hostname: innerHost,
        port: this.#context.innerPort,
        allowHalfOpen: true,
        socket: {
          open: (inner) => this.#opened(inner),
          data: (inner, chunk) => {
            this.#toClient.write(chunk);
            this.#toClient.flush();
            if (this.#toClient.blocked) inner.pause();
          },
          drain: () => {
            if (!this.#toInner?.drain()) return;
            if (this.#clientEnded) this.#endInner();
            else this.#client.resume();
          },
          end: () => this.#onInnerEnd(),
          close: () => {
            this.#innerClosed = true;
            this.#onInnerEnd();
          },
          error: () => {
            this.#innerClosed = true;
            this.#onInnerEnd();
          },
        },
      });
    } catch {
      this.destroy();
    }
  }

  #opened(inner: Bun.Socket<undefined>): void {
    if (this.#closed) {
      inner.terminate();
      return;
    }
    this.#inner = inner;
    this.#innerPort = inner.localPort;
    this.#context.opened(this.#innerPort);
    this.#toInner = new SocketWriter(inner);
    this.#toInner.write(this.#early.view());
    this.#toInner.flush();
    this.#early.consume(this.#early.length);
    if (this.#clientEnded) this.#endInner();
    if (!this.#toInner.blocked) this.#client.resume();
  }

  #endInner(): void {
    if (this.#toInner === null || this.#toInner.blocked) return;
    this.#inner!.shutdown();
    if (this.#innerEnded && !this.#toClient.blocked) this.destroy();
  }

  #onInnerEnd(): void {
    if (this.#closed) return;
    this.#innerEnded = true;
    this.#sinceMs = this.#context.connections.nowMs;
    if (!this.#toClient.blocked) this.#endClient();
  }

  #endClient(): void {
    if (this.#clientEnded || this.#innerClosed) this.destroy();
    else this.#client.shutdown();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#toClient.close();
    this.#toInner?.close();
    if (this.#inner !== null) {
      this.#context.closed(this.#innerPort);
      if (!this.#innerClosed) this.#inner.terminate();
    }
    this.#context.connections.delete(this);
  }
}
