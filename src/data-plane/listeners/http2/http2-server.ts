/**
 * The HTTP/2 engine: a `Bun.serve` on a loopback port that takes the decrypted bytes of TLS
 * connections. Only relays are answered, known by their local ports: no other process can ask.
 */
import type { Clock } from "../../../lib/clock.ts";
import type { Exchange } from "../../../protocols/http/exchange.ts";
import type { FetchClient } from "../fetch/fetch-client.ts";
import { fetchServer } from "../fetch/fetch-server.ts";

export interface Http2ServerOptions {
  clock: Clock;
  altSvc: string | null;
  handle(exchange: Exchange): void;
}

const loopback = "127.0.0.1";

export class Http2Server {
  readonly #server: Bun.Server<undefined>;
  readonly #clients = new Map<number, FetchClient>();

  constructor(options: Http2ServerOptions) {
    this.#server = Bun.serve({
      ...fetchServer({
        ...options,
        protocol: "HTTP/2.0",
        clientAt: (_address, port) => this.#clients.get(port) ?? null,
      }),
      hostname: loopback,
      port: 0,
      http2: true,
    });
  }

  get hostname(): string {
    return loopback;
  }

  get port(): number {
    return this.#server.port!;
  }

  /** The connection from this local port speaks for `client`, until it is closed. */
  admit(port: number, client: FetchClient): void {
    this.#clients.set(port, client);
  }

  dismiss(port: number): void {
    this.#clients.delete(port);
  }

  /** GOAWAY to all; their open streams finish (RFC 9113 6.8). Connections without one are closed. */
  finish(): void {
    void this.#server.stop(false);
  }

  destroy(): void {
    void this.#server.stop(true);
  }
}
