/**
 * HTTP/3 on the UDP port beside https. Bun's server has its certificates for life, so a change of them
 * means a new server on the same port: as soon as no request is under way, or after a short wait.
 * Bun reports no error when another program has the UDP port; it is the TCP port beside it that tells.
 */
import type { HandshakeCertificates } from "../../seam/handshake-certificates.ts";
import { type ClientLimits } from "../../config/defaults.ts";
import { connectionSweepIntervalMs, http3ReplaceTimeoutMs } from "../../config/limits.ts";
import { listenOn } from "../../net/every-address.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { unmapIpv4 } from "../../net/socket-address.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { bindError, checkPort } from "../../net/bind-error.ts";
import { limitEngineHeads } from "./fetch/engine-limits.ts";
import type { ConnectionLimit } from "./accept/connection-limit.ts";
import { FetchClient } from "./fetch/fetch-client.ts";
import { fetchServer } from "./fetch/fetch-server.ts";

export interface Http3PortOptions {
  /** Empty: every address, IPv4 and IPv6. */
  bind: string;
  port: number;
  limits: ClientLimits;
  clock: Clock;
  logger: Logger;
  /** Shared by all listeners; without it there is no limit. */
  perClient?: ConnectionLimit | null;
  certificates: HandshakeCertificates;
  /** Value of the Alt-Svc field of every response (RFC 7838); null: none. */
  altSvc: string | null;
  showsErrorCodes: boolean;
  handle(exchange: Exchange): void;
}

export class Http3Port {
  readonly #options: Http3PortOptions;
  readonly #port: number;
  #server: Bun.Server<undefined> | null;
  /** By address and port; those without a request are forgotten at the next sweep. */
  readonly #clients = new Map<string, FetchClient>();
  #sweepTimer: Timer | null = null;
  /** Set while a new server is due: at this time at the latest. */
  #replaceAtMs = Number.POSITIVE_INFINITY;
  #stopping = false;

  constructor(options: Http3PortOptions) {
    this.#options = options;
    checkPort(options.port);
    limitEngineHeads(options.limits.maxHeaderBytes);
    this.#server = this.#serve(options.port);
    this.#port = this.#server.port!;
    const { certificates, clock } = options;
    const alsoChanged = certificates.onChange;
    certificates.onChange = () => {
      alsoChanged?.();
      if (this.#stopping) return;
      this.#replaceAtMs = Math.min(this.#replaceAtMs, clock.runningMs() + http3ReplaceTimeoutMs);
      this.#arm(0);
    };
  }

  get port(): number {
    return this.#port;
  }

  /** The port has one owner, which is another one by now: clients come again. */
  stopAccepting(): void {
    this.destroy();
  }

  /** Takes no more connections; resolves when every request under way is answered. */
  async finish(): Promise<void> {
    this.#stopping = true;
    await this.#server?.stop(false);
    this.destroy();
  }

  destroy(): void {
    this.#stopping = true;
    this.#sweepTimer?.cancel();
    this.#sweepTimer = null;
    void this.#server?.stop(true);
    this.#server = null;
    for (const key of this.#clients.keys()) this.#forget(key);
  }

  #serve(port: number): Bun.Server<undefined> {
    const { bind, clock, altSvc, showsErrorCodes, handle, certificates } = this.#options;
    const listed = [...certificates.all()].map(([serverName, pair]) => ({
      serverName,
      key: pair.privateKey,
      cert: pair.certificate,
    }));
    try {
      return listenOn(bind, (hostname) =>
        Bun.serve({
          ...fetchServer({
            altSvc,
            showsErrorCodes,
            clock,
            handle,
            clientAt: (address, peerPort) => this.#clientAt(unmapIpv4(address), peerPort),
          }),
          hostname,
          port,
          http3: true,
          // The first entry counts for all other names: without a certificate they are refused by alert.
          tls: [{ serverName: "" }, ...listed],
        }),
      );
    } catch (error) {
      throw bindError("udp", bind, port, error);
    }
  }

  /** Null: the client has too many connections. Bun tells of none; one is counted while it asks for something. */
  #clientAt(address: string, port: number): FetchClient | null {
    const key = `${address} ${port}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = new FetchClient({ address, port }, () => this.#options.clock.runningMs());
      if (this.#options.perClient?.admits(client, address) === false) return null;
      this.#clients.set(key, client);
    }
    this.#arm(connectionSweepIntervalMs);
    return client;
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    this.#clients.delete(key);
    if (client !== undefined) this.#options.perClient?.left(client);
  }

  #arm(delayMs: number): void {
    this.#sweepTimer ??= this.#options.clock.after(delayMs, (readUntilMs) =>
      this.#sweep(readUntilMs),
    );
  }

  #sweep(nowMs: number): void {
    this.#sweepTimer = null;
    const { limits } = this.#options;
    for (const [key, client] of this.#clients) {
      client.sweep(nowMs, limits.stallTimeoutMs);
      if (client.openRequests === 0) this.#forget(key);
    }
    const isDue = Number.isFinite(this.#replaceAtMs);
    if (isDue && (this.#clients.size === 0 || nowMs >= this.#replaceAtMs)) this.#replace();
    if (this.#clients.size > 0 || Number.isFinite(this.#replaceAtMs)) {
      this.#arm(connectionSweepIntervalMs);
    }
  }

  #replace(): void {
    this.#replaceAtMs = Number.POSITIVE_INFINITY;
    if (this.#stopping) return;
    void this.#server?.stop(true);
    this.#server = null;
    try {
      this.#server = this.#serve(this.#port);
    } catch (error) {
      // Clients fall back to TCP; the next change of a certificate tries again.
      this.#options.logger.error("Unable to serve HTTP/3 with the new certificates", {
        error: (error as Error).message,
      });
    }
  }
}
