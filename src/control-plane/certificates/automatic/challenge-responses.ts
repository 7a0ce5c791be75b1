/** Answers to the validations that are under way, for HTTP-01 (RFC 8555 8.3) and TLS-ALPN-01 (RFC 8737). */
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";

export const challengePathPrefix = "/.well-known/acme-challenge/";

export class ChallengeResponses {
  readonly #keyAuthorizations = new Map<string, string>();
  readonly #certificates = new Map<string, CertificateKeyPair>();

  /** Disposing the result ends the answer. */
  answerHttp(token: string, keyAuthorization: string): Disposable {
    this.#keyAuthorizations.set(token, keyAuthorization);
    return { [Symbol.dispose]: () => void this.#keyAuthorizations.delete(token) };
  }

  answerTls(name: string, certificate: CertificateKeyPair): Disposable {
    this.#certificates.set(name, certificate);
    return { [Symbol.dispose]: () => void this.#certificates.delete(name) };
  }

  /** The key authorization for a path that begins with the prefix. */
  keyAuthorization(path: string): string | undefined {
    return this.#keyAuthorizations.get(path.slice(challengePathPrefix.length));
  }

  certificate(name: string): CertificateKeyPair | undefined {
    return this.#certificates.get(name);
  }
}
