/** One HTTP/2 client: its decrypted bytes go to the engine and back, each side held back by the other. */
import type { ClientLimits } from "../../../config/defaults.ts";
import type { ProxySource } from "../../../protocols/proxy-protocol/proxy-header.ts";
import { ByteQueue } from "../../../net/byte-queue.ts";
import { SocketWriter } from "../../../net/socket-writer.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { ConnectionSet } from "../accept/connection-set.ts";
import { FetchClient } from "../fetch/fetch-client.ts";
import type { Http2Server } from "./http2-server.ts";

export interface Http2RelayContext {
  server: Http2Server;
  limits: ClientLimits;
  connections: ConnectionSet;
}

/** `ending`: the engine has closed, the client still takes the last bytes. */
type State = "connecting" | "open" | "ending" | "closed";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export class Http2Relay implements ClientConnection {
  readonly #client: ClientSocket;
  readonly #toClient: SocketWriter;
  readonly #context: Http2RelayContext;
  readonly #identity: FetchClient;
  readonly #early = new ByteQueue();
  #engine: Bun.Socket<undefined> | null = null;
  #toEngine: SocketWriter | null = null;
  #enginePort = 0;
  #state: State = "connecting";
  /** Bytes of the preface that have come. */
  #prefaceBytes = 0;
  #sinceMs: number;

  constructor(client: ClientSocket, context: Http2RelayContext, source: ProxySource) {
    const { connections } = context;
    this.#client = client;
    this.#toClient = new SocketWriter(client);
    this.#context = context;
    this.#identity = new FetchClient(source, () => connections.nowMs);
    this.#sinceMs = connections.nowMs;
    connections.add(this);
    client.pause();
    void this.#connect();
  }

  // Events of the client's socket.

  onData(chunk: Buffer): void {
    this.#sinceMs = this.#context.connections.nowMs;
    if (!this.#checkPreface(chunk)) {
      this.destroy();
      return;
    }
    if (this.#toEngine === null) {
      if (this.#state === "connecting") this.#early.append(chunk);
      return;
    }
    this.#toEngine.write(chunk);
    this.#toEngine.flush();
    if (this.#toEngine.blocked) this.#client.pause();
  }

  onDrain(): void {
    if (this.#state === "closed") return;
    const { takenBytes } = this.#toClient;
    const isDrained = this.#toClient.drain();
    if (this.#toClient.takenBytes > takenBytes) this.#sinceMs = this.#context.connections.nowMs;
    if (!isDrained) return;
    if (this.#state === "ending") this.destroy();
    else this.#engine?.resume();
  }

  onEnd(): void {
    // A client that stops sending can't open windows or streams any more: it is gone.
    this.destroy();
  }

  onClose(): void {
    this.#closed();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#context;
    const identity = this.#identity;
    identity.sweep(nowMs, limits.stallTimeoutMs);
    if (this.#toClient.blocked || this.#state === "ending") {
      if (nowMs - this.#sinceMs > limits.stallTimeoutMs) this.destroy();
    } else if (identity.openRequests === 0) {
      const limitMs = identity.served === 0 ? limits.headerTimeoutMs : limits.idleTimeoutMs;
      if (nowMs - identity.sinceMs > limitMs) this.destroy();
    }
  }

  /** The engine says GOAWAY to all its connections; here only those end that it does not know yet. */
  finish(): void {
    if (this.#state === "connecting" || this.#identity.served === 0) this.destroy();
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#closed();
    this.#client.end();
  }

  // The connection to the engine.

  async #connect(): Promise<void> {
    const { server } = this.#context;
    try {
      await Bun.connect({
        hostname: server.hostname,
        port: server.port,
        socket: {
          open: (engine) => this.#opened(engine),
          data: (engine, chunk) => {
            this.#sinceMs = this.#context.connections.nowMs;
            this.#toClient.write(chunk);
            this.#toClient.flush();
            if (this.#toClient.blocked) engine.pause();
          },
          drain: () => {
            if (this.#toEngine?.drain()) this.#client.resume();
          },
          end: () => this.#engineEnded(),
          close: () => this.#engineEnded(),
          error: () => this.#engineEnded(),
        },
      });
    } catch {
      this.destroy();
    }
  }

  /** The engine would answer other beginnings as HTTP/1.1 (RFC 9113 3.4). */
  #checkPreface(chunk: Buffer): boolean {
    const seen = this.#prefaceBytes;
    if (seen === preface.length) return true;
    const count = Math.min(chunk.length, preface.length - seen);
    this.#prefaceBytes += count;
    return chunk.compare(preface, seen, seen + count, 0, count) === 0;
  }

  #opened(engine: Bun.Socket<undefined>): void {
    if (this.#state !== "connecting") {
      engine.terminate();
      return;
    }
    this.#state = "open";
    this.#engine = engine;
    this.#enginePort = engine.localPort;
    this.#context.server.admit(this.#enginePort, this.#identity);
    this.#toEngine = new SocketWriter(engine);
    if (this.#early.length > 0) {
      this.#toEngine.write(this.#early.view());
      this.#toEngine.flush();
      this.#early.consume(this.#early.length);
    }
    if (!this.#toEngine.blocked) this.#client.resume();
  }

  #engineEnded(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    if (!this.#toClient.blocked) this.destroy();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#toClient.close();
    this.#toEngine?.close();
    if (this.#engine !== null) {
      this.#context.server.dismiss(this.#enginePort);
      this.#engine.terminate();
    }
    this.#context.connections.delete(this);
  }
}
