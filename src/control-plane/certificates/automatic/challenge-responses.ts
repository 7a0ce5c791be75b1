/** Answers to the validations that are under way, for HTTP-01 (RFC 8555 8.3) and TLS-ALPN-01 (RFC 8737). */
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";

export const challengePathPrefix = "/.well-known/acme-challenge/";

export class ChallengeResponses {
  readonly #keyAuthorizations = new Map<string, string>();
  readonly #certificates = new Map<string, CertificateKeyPair>();
  readonly #changed: () => Promise<void>;

  /** `changed`: handshakes are to be answered in another way; resolves when they are. */
  constructor(changed: () => Promise<void>) {
    this.#changed = changed;
  }

  /** Disposing the result ends the answer. */
  answerHttp(token: string, keyAuthorization: string): Disposable {
    this.#keyAuthorizations.set(token, keyAuthorization);
    return { [Symbol.dispose]: () => void this.#keyAuthorizations.delete(token) };
  }

  /** Resolves when handshakes are answered with it. */
  async answerTls(name: string, certificate: CertificateKeyPair): Promise<Disposable> {
    this.#certificates.set(name, certificate);
    await this.#changed();
    return {
      [Symbol.dispose]: () => {
        this.#certificates.delete(name);
        void this.#changed();
      },
    };
  }

  /** Under way by TLS-ALPN-01, by name. */
  get certificates(): ReadonlyMap<string, CertificateKeyPair> {
    return this.#certificates;
  }

  /** The key authorization for a path that begins with the prefix. */
  keyAuthorization(path: string): string | undefined {
    return this.#keyAuthorizations.get(path.slice(challengePathPrefix.length));
  }

  certificate(name: string): CertificateKeyPair | undefined {
    return this.#certificates.get(name);
  }
}
