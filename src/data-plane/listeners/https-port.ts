/** The https port: HTTP/1.1 and HTTP/2 over TLS, and the validations of TLS-ALPN-01 (RFC 8737). */
import type { HandshakeCertificates } from "../../seam/handshake-certificates.ts";
import { connectionSweepIntervalMs, type ClientLimits } from "../../config/defaults.ts";
import type { MinTlsVersion } from "../../config/run-options.ts";
import type { ListeningPlace } from "../../net/every-address.ts";
import type { CidrList } from "../../lib/cidr.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { joinHostPort } from "../../net/socket-address.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import type { ClientConnection } from "./accept/client-connection.ts";
import { ConnectionSet } from "./accept/connection-set.ts";
import type { DescriptorGuard } from "./accept/descriptor-guard.ts";
import { closeFailedSocket } from "./accept/failed-socket.ts";
import { Http1Connection, type Http1Context } from "./http1/http1-connection.ts";
import { Http2Connection } from "./http2/http2-connection.ts";
import { http2Context, type Http2Context } from "./http2/http2-context.ts";
import { ProxyFront } from "./accept/proxy-front.ts";
import type { ProxySource } from "../../protocols/proxy-protocol/proxy-header.ts";
import { innerHost } from "./accept/proxy-relay.ts";
import { peerOf } from "./accept/socket-peer.ts";
import { TlsHandshake } from "./accept/tls-handshake.ts";
import { TlsServer, type HandshakeOutcome, type TlsSocket } from "./accept/tls-socket.ts";

export interface HttpsPortOptions extends ListeningPlace {
  showsErrorCodes: boolean;
  limits: ClientLimits;
  clock: Clock;
  /** Shared by all listeners. */
  descriptors: DescriptorGuard;
  logger: Logger;
  certificates: HandshakeCertificates;
  minTlsVersion: MinTlsVersion;
  /** Value of the Alt-Svc field of every response (RFC 7838); null: none. */
  altSvc: string | null;
  /** Peers whose connections begin with a PROXY header; null: none. */
  proxyPeers: CidrList | null;
  handle(exchange: Exchange): void;
}

export class HttpsPort {
  readonly #options: HttpsPortOptions;
  readonly #connections: ConnectionSet;
  readonly #http1: Http1Context;
  readonly #http2: Http2Context;
  readonly #server: TlsServer;
  /** Has the port instead when PROXY headers come before TLS. */
  readonly #front: ProxyFront | null;
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
      proxyPeers,
      handle,
    } = options;
    this.#options = options;
    const connections = new ConnectionSet(clock, connectionSweepIntervalMs);
    this.#connections = connections;
    this.#server = new TlsServer({
      ...(proxyPeers === null ? { bind, port, fd } : { bind: innerHost, port: 0 }),
      minVersion: options.minTlsVersion,
      certificateFor: (name, { data: handshake }) => {
        const found = certificates.forName(name);
        if (found instanceof Promise && handshake instanceof TlsHandshake) handshake.waitFor(found);
        return found;
      },
      protocolFor: (name, offered) => chooseProtocol(certificates, name, offered),
      onBadCertificate: (name, error) => {
        options.logger.error("Unusable TLS certificate", { host: name, error: error.message });
      },
      accept: (socket) => this.#accept(socket),
      handshakeDone: (socket, outcome) => this.#handshakeDone(socket, outcome),
      handlerFailed: (socket, error) => closeFailedSocket(socket, error, options.logger),
    });
    this.#http1 = {
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
    this.#http2 = http2Context({
      scheme: "https",
      altSvc,
      showsErrorCodes,
      limits,
      clock,
      connections,
      handle,
    });
    this.#front =
      proxyPeers === null
        ? null
        : new ProxyFront({ ...options, proxyPeers, innerPort: this.#server.port });
    this.#useDefaultCertificate();
    const alsoChanged = certificates.onChange;
    certificates.onChange = () => {
      alsoChanged?.();
      if (this.#accepting) this.#useDefaultCertificate();
    };
  }

  get port(): number {
    return this.#front?.port ?? this.#server.port;
  }

  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void> {
    this.#accepting = false;
    this.#server.stop(false);
    const finished = [this.#connections.finishAll()];
    if (this.#front !== null) finished.push(this.#front.finish());
    return Promise.all(finished).then(() => undefined);
  }

  destroy(): void {
    this.#accepting = false;
    this.#server.stop(true);
    this.#connections.destroyAll();
    this.#front?.destroy();
  }

  #useDefaultCertificate(): void {
    const pair = this.#options.certificates.withoutName();
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
    return new TlsHandshake(socket, {
      connections: this.#connections,
      timeoutMs: this.#options.limits.headerTimeoutMs,
      onFailed: (reason) => {
        const { address, port } = this.#clientBehind(peer) ?? unknownClient;
        const client = joinHostPort(address, port);
        this.#options.logger.info(`http: TLS handshake error from ${client}: ${reason}`);
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
        handshake.fail(outcome.reason);
        socket.end();
        break;
      case "complete":
        socket.data = this.#connection(socket, outcome);
        handshake.complete();
        if (socket.data === null) socket.end();
        break;
    }
  }

  /** What the connection is from now on; null: nothing, it is to be closed. */
  #connection(
    socket: TlsSocket,
    { protocol, serverName }: { protocol: string | null; serverName: string | null },
  ): ClientConnection | null {
    // The certificate was that of a validation, and the client is not the one that validates.
    const isChallenge = serverName !== null && this.#options.certificates.isChallenge(serverName);
    if (protocol === acmeTls || isChallenge || !this.#accepting) return null;
    const peer = peerOf(socket);
    const client = peer === null ? undefined : this.#clientBehind(peer);
    if (client === undefined) return null;
    if (serverName === null) {
      const host = this.#options.certificates.defaultHost();
      this.#options.logger.warn("No server name; using default TLS hostname", { host });
    }
    return protocol === "h2"
      ? new Http2Connection(socket, this.#http2, client)
      : new Http1Connection(socket, this.#http1, client);
  }

  /** Undefined for a connection that did not come through the front, where there is one. */
  #clientBehind(peer: ProxySource): ProxySource | undefined {
    return this.#front === null ? peer : this.#front.clientOf(peer.port);
  }
}

const acmeTls = "acme-tls/1";
const unknownClient: ProxySource = { address: "", port: 0 };

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
