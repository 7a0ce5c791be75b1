/** A TLS server with nothing behind it. */
import type { ClientAuthorities } from "../../src/config/client-authorities.ts";
import type { MinTlsVersion } from "../../src/config/run-options.ts";
import type { ClientConnection } from "../../src/data-plane/listeners/accept/client-connection.ts";
import type { HandshakeOutcome } from "../../src/data-plane/listeners/accept/handshake-outcome.ts";
import { TlsServer, type TlsSocket } from "../../src/data-plane/listeners/accept/tls-socket.ts";
import type { CertificateKeyPair } from "../../src/seam/handshake-certificates.ts";
import { keyPair } from "./fake-certificates.ts";
import { outsideLists } from "./list-member.ts";

export const app = keyPair("app.test");
export const other = keyPair("other.test");
export const rsa = keyPair("rsa.test", "rsa");

/** Answers everything once and closes; keeps what happened. */
export class HandshakeSite implements Disposable {
  readonly outcomes: HandshakeOutcome[] = [];
  readonly asked: string[] = [];
  readonly offers: string[][] = [];
  readonly bad: string[] = [];
  accepted = 0;
  closed = 0;
  certificates: (name: string) => CertificateKeyPair | null | Promise<CertificateKeyPair | null> = (
    name,
  ) => ({ "app.test": app, "other.test": other, "rsa.test": rsa })[name] ?? null;
  readonly authorities = new Map<string, ClientAuthorities>();
  wallMs = Date.now();
  choose: (offered: string[]) => string | null = (offered) => offered[0]!;
  readonly server: TlsServer;

  constructor(minVersion: MinTlsVersion = "1.2") {
    this.server = new TlsServer({
      bind: "127.0.0.1",
      port: 0,
      minVersion,
      certificateFor: (name) => {
        this.asked.push(name);
        return this.certificates(name);
      },
      protocolFor: (_name, offered) => {
        this.offers.push(offered);
        return this.choose(offered);
      },
      authoritiesFor: (name) => this.authorities.get(name) ?? null,
      wallMs: () => this.wallMs,
      onBadCertificate: (name) => this.bad.push(name),
      accept: (socket) => this.#connection(socket),
      handshakeDone: (socket, outcome) => {
        this.outcomes.push(outcome);
        if (outcome.kind !== "complete") socket.end();
      },
      closed() {},
      handlerFailed(_socket, error) {
        throw error;
      },
    });
  }

  get port(): number {
    return this.server.port;
  }

  [Symbol.dispose](): void {
    this.server.stop(true);
  }

  #connection(socket: TlsSocket): ClientConnection {
    this.accepted++;
    return {
      ...outsideLists(),
      isFresh: true,
      onData() {
        socket.write(Buffer.from("answer"));
        socket.end();
      },
      onDrain() {},
      onEnd: () => socket.end(),
      onClose: () => void this.closed++,
      sweep() {},
      finish() {},
      destroy() {},
    };
  }
}
