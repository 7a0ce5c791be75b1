/** The https port: HTTP/1.1 and HTTP/2 over TLS, and the validations of TLS-ALPN-01 (RFC 8737). */
import type { HandshakeCertificates } from "../../seam/handshake-certificates.ts";
import { type ClientLimits } from "../../config/defaults.ts";
import { connectionSweepIntervalMs } from "../../config/limits.ts";
import type { ClientAuthorities } from "../../config/client-authorities.ts";
import type { MinTlsVersion } from "../../config/run-options.ts";
import type { ListeningPlace } from "../../net/every-address.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { joinHostPort } from "../../net/socket-address.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import type { ClientConnection } from "./accept/client-connection.ts";
import type { ConnectionLimit } from "./accept/connection-limit.ts";
import { ConnectionSet } from "./accept/connection-set.ts";
import type { DescriptorGuard } from "./accept/descriptor-guard.ts";
import { closeFailedSocket } from "./accept/failed-socket.ts";
import { Http1Connection } from "./http1/http1-connection.ts";
import type { Http1Context } from "./http1/http1-context.ts";
import { Http2Connection } from "./http2/http2-connection.ts";
import { http2Context, type Http2Context } from "./http2/http2-context.ts";
import { openLibc } from "../../net/libc.ts";
import { CommandError } from "../../config/command-error.ts";
import { waitingHelloTakesEcdsa } from "./accept/early-hello.ts";
import type { ProxyPeers } from "./accept/proxy-header-faults.ts";
import { ProxyOpening } from "./accept/proxy-opening.ts";
import type { ProxySource } from "../../protocols/proxy-protocol/proxy-header.ts";
import { peerOf } from "./accept/socket-peer.ts";
import { HandshakeTurns } from "./accept/handshake-turns.ts";
import { TlsHandshake } from "./accept/tls-handshake.ts";
import type { CompleteHandshake, HandshakeOutcome } from "./accept/handshake-outcome.ts";
import { TlsServer, type TlsSocket } from "./accept/tls-socket.ts";

export interface HttpsPortOptions extends ListeningPlace {
  showsErrorCodes: boolean;
  limits: ClientLimits;
  clock: Clock;
  /** Shared by all listeners. */
  descriptors: DescriptorGuard;
  /** Shared as well; without it there is no limit. */
  perClient?: ConnectionLimit | null;
  logger: Logger;
  certificates: HandshakeCertificates;
  /** Whose certificates a client is asked for that wants the name; null: it is not asked. */
  clientAuthorities(name: string): ClientAuthorities | null;
  minTlsVersion: MinTlsVersion;
  /** Value of the Alt-Svc field of every response (RFC 7838); null: none. */
  altSvc: string | null;
  /** Peers whose connections begin with a PROXY header; null: none. */
  proxyPeers: ProxyPeers | null;
  handle(exchange: Exchange): void;
}

export class HttpsPort {
  readonly #options: HttpsPortOptions;
  readonly #connections: ConnectionSet;
  readonly #protocols: Protocols;
  /** For clients that were asked for a certificate: over HTTP/3 nobody is. */
  readonly #withoutHttp3: Protocols;
  readonly #server: TlsServer;
  readonly #turns: HandshakeTurns;
  #accepting = true;

  constructor(options: HttpsPortOptions) {
    const {
      bind,
      port,
      fd = null,
      showsErrorCodes,
      limits,
      clock,
      certificates,
      altSvc,
      handle,
    } = options;
    this.#options = options;
    if (options.proxyPeers !== null && openLibc() === null) throw new CommandError(noLibc);
    const connections = new ConnectionSet(clock, connectionSweepIntervalMs);
    this.#connections = connections;
    this.#turns = new HandshakeTurns({
      nowMs: () => clock.runningMs(),
      later: (callback) => void setImmediate(callback),
    });
    this.#server = new TlsServer({
      bind,
      port,
      fd,
      minVersion: options.minTlsVersion,
      certificateFor: (name, { data: handshake }) => {
        const takesEcdsa = handshake instanceof TlsHandshake ? handshake.takesEcdsa : true;
        const found = certificates.forName(name, takesEcdsa);
        if (found instanceof Promise && handshake instanceof TlsHandshake) handshake.waitFor(found);
        return found;
      },
      authoritiesFor: (name) =>
        certificates.isChallenge(name) ? null : options.clientAuthorities(name),
      wallMs: () => clock.wallMs(),
      protocolFor: (name, offered) => chooseProtocol(certificates, name, offered),
      onBadCertificate: (name, error) => {
        options.logger.error("Unusable TLS certificate", { host: name, error: error.message });
      },
      accept: (socket) => this.#accept(socket),
      handshakeDone: (socket, outcome) => this.#handshakeDone(socket, outcome),
      closed: (socket) => options.perClient?.left(socket),
      handlerFailed: (socket, error) => closeFailedSocket(socket, error, options.logger),
    });
    const http1: Http1Context = {
      scheme: "https",
      altSvc,
      showsErrorCodes,
      limits,
      connections,
      handle,
      wallMs: () => clock.wallMs(),
      // Over TLS, ALPN has told.
      acceptHttp2: null,
    };
    const http2 = http2Context({
      scheme: "https",
      altSvc,
      showsErrorCodes,
      limits,
      clock,
      connections,
      handle,
    });
    this.#protocols = { http1, http2 };
    this.#withoutHttp3 = { http1: { ...http1, altSvc: null }, http2: { ...http2, altSvc: null } };
    this.#followCertificates();
    const alsoChanged = certificates.onChange;
    certificates.onChange = () => {
      alsoChanged?.();
      if (this.#accepting) this.#followCertificates();
    };
  }

  get port(): number {
    return this.#server.port;
  }

  /** Accepts no more; those that were accepted go on. */
  stopAccepting(): void {
    this.#server.stop(false);
  }

  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void> {
    this.#accepting = false;
    this.#server.stop(false);
    return this.#connections.finishAll();
  }

  get connections(): ConnectionSet {
    return this.#connections;
  }

  destroy(): void {
    this.#accepting = false;
    this.#server.stop(true);
    this.#connections.destroyAll();
  }

  #followCertificates(): void {
    const { certificates } = this.#options;
    this.#server.acceptWithHello(certificates.lackRsa);
    const pair = certificates.withoutName();
    try {
      this.#server.setDefaultCertificate(pair);
    } catch (error) {
      this.#options.logger.error("Unusable TLS certificate", { error: (error as Error).message });
      this.#server.setDefaultCertificate(null);
    }
  }

  #accept(socket: TlsSocket): ClientConnection | null {
    // Asked now: a closed socket has no address any more.
    const peer = peerOf(socket);
    if (!this.#accepting || peer === null || !this.#options.descriptors.admits(socket.fd)) {
      socket.terminate();
      return null;
    }
    const { proxyPeers } = this.#options;
    if (proxyPeers?.addresses.contains(peer.address) === true) {
      return this.#openProxied(socket, peer, proxyPeers.faults);
    }
    const handshake = this.#beginHandshake(socket, peer);
    if (handshake === null) {
      socket.terminate();
    } else {
      this.#lookAhead(socket, handshake);
      handshake.begin(this.#turns);
    }
    return handshake;
  }

  /** Whoever takes no ECDSA waits for a certificate, where there may be none yet. */
  #lookAhead({ fd }: TlsSocket, handshake: TlsHandshake): void {
    if (!this.#options.certificates.lackRsa) return;
    handshake.takesEcdsa = waitingHelloTakesEcdsa(fd) ?? true;
  }

  /** The socket is that of a load balancer, and the client in its header. */
  #openProxied(
    socket: TlsSocket,
    peer: ProxySource,
    faults: ProxyPeers["faults"],
  ): ClientConnection {
    const opening = new ProxyOpening(socket, {
      peer,
      connections: this.#connections,
      headerTimeoutMs: this.#options.limits.headerTimeoutMs,
      faults,
      clock: this.#options.clock,
      libc: openLibc()!,
      accept: (client) => {
        const handshake = this.#beginHandshake(socket, client);
        if (handshake !== null) socket.data = handshake;
        return handshake;
      },
      taken: () => {
        const { data: handshake } = socket;
        if (!(handshake instanceof TlsHandshake)) return;
        this.#lookAhead(socket, handshake);
        handshake.begin(this.#turns);
      },
    });
    return opening.connection;
  }

  #wantRsa(serverName: string | null): void {
    const { certificates } = this.#options;
    const name = serverName ?? certificates.defaultHost();
    if (name !== null) void certificates.wantRsa(name);
  }

  /** Null: the client has too many connections. */
  #beginHandshake(socket: TlsSocket, client: ProxySource): TlsHandshake | null {
    if (this.#options.perClient?.admits(socket, client.address) === false) return null;
    return new TlsHandshake(socket, {
      client,
      connections: this.#connections,
      timeoutMs: this.#options.limits.headerTimeoutMs,
      onFailed: (reason) => {
        const name = joinHostPort(client.address, client.port);
        this.#options.logger.info(`http: TLS handshake error from ${name}: ${reason}`);
      },
    });
  }

  #handshakeDone(socket: TlsSocket, outcome: HandshakeOutcome): void {
    const handshake = socket.data;
    if (!(handshake instanceof TlsHandshake)) return;
    switch (outcome.kind) {
      case "plain-http":
        handshake.fail("client sent an HTTP request to an HTTPS server");
        socket.end();
        break;
      case "failed":
        if (outcome.wantsOtherKey) this.#wantRsa(outcome.serverName);
        handshake.fail(outcome.reason);
        socket.end();
        break;
      case "complete":
        socket.data = this.#connection(socket, handshake.client, outcome);
        handshake.complete();
        if (socket.data === null) socket.end();
        break;
    }
  }

  /** What the connection is from now on; null: nothing, it is to be closed. */
  #connection(
    socket: TlsSocket,
    client: ProxySource,
    { protocol, serverName, authentication }: CompleteHandshake,
  ): ClientConnection | null {
    // The certificate was that of a validation, and the client is not the one that validates.
    const isChallenge = serverName !== null && this.#options.certificates.isChallenge(serverName);
    if (protocol === acmeTls || isChallenge || !this.#accepting) return null;
    if (peerOf(socket) === null) return null;
    if (serverName === null) {
      const host = this.#options.certificates.defaultHost();
      this.#options.logger.warn("No server name; using default TLS hostname", { host });
    }
    const { http1, http2 } = authentication === null ? this.#protocols : this.#withoutHttp3;
    const peer = authentication === null ? client : { ...client, authentication };
    return protocol === "h2"
      ? new Http2Connection(socket, http2, peer)
      : new Http1Connection(socket, http1, peer);
  }
}

interface Protocols {
  http1: Http1Context;
  http2: Http2Context;
}

const acmeTls = "acme-tls/1";
const noLibc =
  "proxy-protocol: found no C library, without which PROXY headers before TLS can't be read";

/** Null: the handshake is refused with no_application_protocol. */
function chooseProtocol(
  certificates: HandshakeCertificates,
  name: string | null,
  offered: string[],
): string | null {
  if (name !== null && certificates.isChallenge(name)) {
    return offered.length === 1 && offered[0] === acmeTls ? acmeTls : null;
  }
  if (offered.includes("h2")) return "h2";
  return offered.includes("http/1.1") ? "http/1.1" : null;
}
