/**
 * TLS on `Bun.listen`. This file alone holds the hooks that Bun's documentation does not name (they are
 * what its `node:tls` is built on), so that a change of Bun is dealt with here; each has its test.
 *
 * What is relied on:
 * - `serverName` chooses a native context per handshake, at once or later by `resumeSNI`;
 * - the context of an empty `createSecureContext` makes the handshake fail with an alert;
 * - `setVerifyMode` in `serverName` asks this client for a certificate; tickets of a handshake with other
 *   authorities do not resume, and one that was not asked resumes nothing that was;
 * - in TLS 1.2 `handshake` is called before the server's last flight has left;
 * - a context with several certificates shows the first one that the client takes by its kind of key;
 * - `alpnCallback` chooses the protocol; undefined refuses with no_application_protocol;
 * - a `tls.Server` that never listens swaps the default certificate of our listener;
 * - protocol versions and groups are those of the listener, cipher suites those of the context.
 */
import { tcpKeepAliveMs } from "../../../config/limits.ts";
import type { MinTlsVersion } from "../../../config/run-options.ts";
import tls from "node:tls";
import type { ClientAuthorities } from "../../../config/client-authorities.ts";
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";
import { listenAt, type ListeningPlace } from "../../../net/every-address.ts";
import { normalHostName } from "../../../lib/host-name.ts";
import { widenAcceptQueue } from "./accept-queue.ts";
import { inheritKeepAlive } from "./inherited-keep-alive.ts";
import { goQuote } from "../../../go/quote.ts";
import { bindError, checkPort } from "../../../net/bind-error.ts";
import { sendCertificateAlert } from "./certificate-alert.ts";
import { shownCertificate, type VerifiedSocket } from "./client-certificate.ts";
import type { ClientConnection, ClientSocket } from "./client-connection.ts";
import { acceptWithHello } from "./early-hello.ts";
import { failedHandshake, failedOutcome, type HandshakeOutcome } from "./handshake-outcome.ts";

/** A TLS connection that was accepted; its bytes are the decrypted ones. */
export interface TlsSocket extends ClientSocket {
  data: ClientConnection | null;
  readonly fd: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export interface TlsServerOptions extends ListeningPlace {
  minVersion: MinTlsVersion;
  /** Null refuses the handshake with an alert; a promise lets it wait. */
  certificateFor(
    name: string,
    socket: TlsSocket,
  ): CertificateKeyPair | null | Promise<CertificateKeyPair | null>;
  /** Whose certificates a client is asked for that wants the name; null: it is not asked. */
  authoritiesFor(name: string): ClientAuthorities | null;
  wallMs(): number;
  /** Null refuses the handshake with an alert. Not asked when the client offers nothing. */
  protocolFor(name: string | null, offered: string[]): string | null;
  /** The certificate can't be used. */
  onBadCertificate(name: string, error: Error): void;
  /** Null refuses the connection. */
  accept(socket: TlsSocket): ClientConnection | null;
  handshakeDone(socket: TlsSocket, outcome: HandshakeOutcome): void;
  /** It is gone, whatever it was. */
  closed(socket: TlsSocket): void;
  /** One of the socket's handlers threw. */
  handlerFailed(socket: TlsSocket, error: Error): void;
}

export class TlsServer {
  readonly #options: TlsServerOptions;
  readonly #listener: NativeListener;
  readonly #defaults: DefaultCertificateServer;
  readonly #contexts = new WeakMap<CertificateKeyPair | ClientAuthorities, CachedContexts>();
  /** What clients were asked for. */
  readonly #asked = new WeakMap<NativeSocket, ClientAuthorities>();
  readonly #refusal: NativeContext;
  /** Names of handshakes that were given the refusal: the TLS library can't say why they failed. */
  readonly #refused = new WeakMap<NativeSocket, string>();
  readonly #inheritsKeepAlive: boolean;

  constructor(options: TlsServerOptions) {
    this.#options = options;
    this.#refusal = nativeContext({});
    this.#listener = this.#listen();
    widenAcceptQueue(this.#listener);
    this.#inheritsKeepAlive = inheritKeepAlive(this.#listener);
    // The native methods of a listener are reached through the class that `node:tls` made for them.
    this.#defaults = tls.createServer() as unknown as DefaultCertificateServer;
    // oxlint-disable-next-line no-underscore-dangle -- that is its name
    this.#defaults._handle = this.#listener;
  }

  get port(): number {
    return this.#listener.port ?? this.#options.port;
  }

  /** The certificate for clients that send no server name; null refuses them with an alert. */
  setDefaultCertificate(pair: CertificateKeyPair | null): void {
    const certificate = pair === null ? {} : contextOptions(pair);
    const minVersion = minVersionNames[this.#options.minVersion];
    this.#defaults.setSecureContext({ ciphers, ecdhCurve: groups, minVersion, ...certificate });
  }

  /** Connections are accepted when the ClientHello has come, so that it can be looked at, or a little later. */
  acceptWithHello(isOn: boolean): void {
    const { fd } = this.#listener;
    if (fd >= 0) acceptWithHello(fd, isOn);
  }

  /** `force` also closes the open connections. */
  stop(force: boolean): void {
    this.#listener.stop(force);
  }

  #listen(): NativeListener {
    const options = this.#options;
    const { bind, port } = options;
    const socket: NativeHandlers = {
      open: (socket) => {
        if (!this.#inheritsKeepAlive) socket.setKeepAlive(true, tcpKeepAliveMs);
        socket.data = options.accept(socket);
      },
      serverName: (_listener, name, socket) => this.#chooseContext(name, socket),
      alpnCallback: (_socket, name, wire) => {
        const server = name ? normalHostName(name) : null;
        return options.protocolFor(server, protocolNames(wire)) ?? undefined;
      },
      handshake: (socket, complete, error) => {
        const outcome = complete
          ? this.#completeOutcome(socket, error)
          : (this.#refusedOutcome(socket) ?? failedOutcome(socket, error));
        options.handshakeDone(socket, outcome);
      },
      data: (socket, chunk) => socket.data?.onData(chunk),
      drain: (socket) => socket.data?.onDrain(),
      end: (socket) => socket.data?.onEnd(),
      close: (socket, error) => {
        const connection = socket.data;
        socket.data = null;
        options.closed(socket);
        connection?.onClose(error ?? null);
      },
      error: (socket, error) => options.handlerFailed(socket, error),
    };
    checkPort(port);
    try {
      return listenAt(options, (where) =>
        Bun.listen({
          ...where,
          allowHalfOpen: true,
          // The protocol is chosen by the callback; without any name here it would not be asked.
          tls: {
            ALPNProtocols: "\x08http/1.1",
            ciphers,
            ecdhCurve: groups,
            minVersion: minVersions[options.minVersion],
          },
          data: null,
          socket,
        } as unknown as Bun.TCPSocketListenOptions),
      ) as unknown as NativeListener;
    } catch (error) {
      throw bindError("tcp", bind, port, error);
    }
  }

  #chooseContext(serverName: string, socket: NativeSocket): NativeContext | true {
    const name = normalHostName(serverName);
    const found = this.#options.certificateFor(name, socket);
    if (!(found instanceof Promise)) return this.#contextFor(name, found, socket);
    void found.then((pair) => {
      // The client may have given up while the certificate was being made.
      if (socket.data !== null) socket.resumeSNI(this.#contextFor(name, pair, socket), false);
    });
    return true;
  }

  #contextFor(name: string, pair: CertificateKeyPair | null, socket: NativeSocket): NativeContext {
    const authorities = pair === null ? null : this.#options.authoritiesFor(name);
    const context = pair === null ? this.#refusal : this.#context(name, pair, authorities);
    if (context === this.#refusal) {
      this.#refused.set(socket, name);
    } else if (authorities !== null) {
      // Whoever shows none, or a wrong one, is told so here: Bun would cut without an alert.
      socket.setVerifyMode(true, false);
      this.#asked.set(socket, authorities);
    }
    return context;
  }

  #completeOutcome(socket: NativeSocket, error: Error | null): HandshakeOutcome {
    const name = socket.getServername();
    const serverName = name ? normalHostName(name) : null;
    const authorities = this.#asked.get(socket);
    const authentication =
      authorities === undefined
        ? null
        : { authorities, ...shownCertificate(socket, error, this.#options.wallMs()) };
    const fault = authentication?.fault ?? null;
    if (fault !== null && sendCertificateAlert(socket, error)) {
      return failedHandshake(`client certificate refused: ${fault}`, serverName);
    }
    return {
      kind: "complete",
      protocol: socket.alpnProtocol || null,
      serverName,
      authentication,
    };
  }

  #refusedOutcome(socket: NativeSocket): HandshakeOutcome | null {
    const name = this.#refused.get(socket);
    return name === undefined ? null : failedHandshake(`no certificate for ${goQuote(name)}`, name);
  }

  #context(
    name: string,
    pair: CertificateKeyPair,
    authorities: ClientAuthorities | null,
  ): NativeContext {
    const cached = this.#contexts.getOrInsertComputed(authorities ?? pair, () => new WeakMap());
    const known = cached.get(pair);
    if (known !== undefined) return known;
    try {
      const ca = authorities === null ? {} : { ca: [...authorities] };
      const context = nativeContext({ ...contextOptions(pair), ...ca, ciphers });
      cached.set(pair, context);
      return context;
    } catch (error) {
      this.#options.onBadCertificate(name, error as Error);
      return this.#refusal;
    }
  }
}

type CachedContexts = WeakMap<CertificateKeyPair, NativeContext>;

/**
 * Those of Go's crypto/tls, which the browsers of the last ten years all have: forward secrecy always,
 * CBC only for the oldest of them.
 */
const ciphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
].join(":");
/** Go's as well: nothing is signed with SHA-1, as BoringSSL still would for TLS 1.2. */
const signatureAlgorithms = [
  "rsa_pss_rsae_sha256",
  "ecdsa_secp256r1_sha256",
  "ed25519",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
].join(":");
const groups = "X25519:P-256:P-384:P-521";
const minVersions = { "1.2": 0x0303, "1.3": 0x0304 } as const;
const minVersionNames = { "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const;

declare const native: unique symbol;
/** What `tls.createSecureContext` holds in its `context`. */
interface NativeContext {
  readonly [native]: true;
}

interface NativeSocket extends TlsSocket, VerifiedSocket {
  readonly fd: number;
  setKeepAlive(enable: boolean, delayMs: number): void;
  readonly alpnProtocol: string | false | null;
  getServername(): string | undefined;
  getTLSVersion(): string;
  isSessionReused(): boolean;
  resumeSNI(context: NativeContext, failed: boolean): void;
  /** To be called before the context is chosen. */
  setVerifyMode(requestCertificate: boolean, rejectUnauthorized: boolean): void;
}

interface NativeListener {
  readonly fd: number;
  readonly port: number | undefined;
  stop(force: boolean): void;
}

interface NativeHandlers {
  open(socket: NativeSocket): void;
  serverName(listener: unknown, name: string, socket: NativeSocket): NativeContext | true;
  alpnCallback(socket: NativeSocket, name: string | undefined, wire: Buffer): string | undefined;
  handshake(socket: NativeSocket, complete: boolean, error: Error | null): void;
  data(socket: NativeSocket, chunk: Buffer): void;
  drain(socket: NativeSocket): void;
  end(socket: NativeSocket): void;
  close(socket: NativeSocket, error?: Error): void;
  error(socket: NativeSocket, error: Error): void;
}

interface DefaultCertificateServer {
  _handle: NativeListener;
  setSecureContext(options: tls.SecureContextOptions): void;
}

/**
 * `ca` is for client certificates, where they are not asked for: without it the system's roots would be
 * searched in every handshake for what could follow a leaf that has no chain.
 */
function contextOptions(pair: CertificateKeyPair): tls.SecureContextOptions {
  const all = pair.rsa === undefined ? [pair] : [pair, pair.rsa];
  return {
    key: all.map(({ privateKey }) => privateKey),
    cert: all.map(({ certificate }) => certificate),
    ca: pair.certificate,
    sigalgs: signatureAlgorithms,
  };
}

function nativeContext(options: tls.SecureContextOptions): NativeContext {
  return tls.createSecureContext(options).context as NativeContext;
}

/** The length-prefixed list of the ClientHello (RFC 7301 3.1). */
function protocolNames(wire: Buffer): string[] {
  const names: string[] = [];
  for (let i = 0; i < wire.length; i += 1 + wire[i]!) {
    names.push(wire.toString("latin1", i + 1, i + 1 + wire[i]!));
  }
  return names;
}
