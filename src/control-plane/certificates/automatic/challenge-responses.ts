/**
 * Answers to the validations that are under way, for HTTP-01 (RFC 8555 8.3) and TLS-ALPN-01 (RFC 8737). Several
 * proxies that share a storage answer for each other: an authority may come to any of them.
 */
import { maxSharedChallengeLookups, sharedChallengeSpreadMs } from "../../../config/limits.ts";
import { sleep } from "../../../lib/sleep.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ConcurrencyLimit } from "../../../lib/concurrency-limit.ts";
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";
import { readKeyPair } from "../key-pair.ts";
import type { CertificateStorage } from "../storage/certificate-storage.ts";

export const challengePathPrefix = "/.well-known/acme-challenge/";
const httpPrefix = "challenges/http/";
const tlsPrefix = "challenges/tls/";
/** Of RFC 8555 8.3; everything else was never written. */
const tokenPattern = /^[A-Za-z0-9_-]{1,256}$/;

export interface ChallengeResponsesContext {
  clock: Clock;
  /** Null: no other proxy answers for this one. */
  shared: CertificateStorage | null;
  /** Handshakes are to be answered in another way; resolves when they are. */
  changed: () => Promise<void>;
}

export class ChallengeResponses {
  readonly #context: ChallengeResponsesContext;
  readonly #keyAuthorizations = new Map<string, string>();
  readonly #certificates = new Map<string, CertificateKeyPair>();
  /** Of orders under way at other proxies. */
  #foreignCertificates = new Map<string, CertificateKeyPair>();
  readonly #lookups = new ConcurrencyLimit(maxSharedChallengeLookups, maxSharedChallengeLookups);

  constructor(context: ChallengeResponsesContext) {
    this.#context = context;
  }

  /** Resolves when every proxy answers it; disposing the result ends that. */
  async answerHttp(token: string, keyAuthorization: string): Promise<AsyncDisposable> {
    const { shared } = this.#context;
    this.#keyAuthorizations.set(token, keyAuthorization);
    await shared?.write(httpPrefix + token, Buffer.from(keyAuthorization));
    return {
      [Symbol.asyncDispose]: async () => {
        this.#keyAuthorizations.delete(token);
        await quietly(shared?.delete(httpPrefix + token));
      },
    };
  }

  /** Resolves when handshakes are answered with it, at every proxy. */
  async answerTls(name: string, certificate: CertificateKeyPair): Promise<AsyncDisposable> {
    const { shared, changed } = this.#context;
    this.#certificates.set(name, certificate);
    await shared?.write(
      tlsPrefix + name,
      Buffer.from(certificate.privateKey + certificate.certificate),
    );
    await changed();
    // Until every proxy has looked at the storage.
    if (shared !== null) await sleep(this.#context.clock, sharedChallengeSpreadMs);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#certificates.delete(name);
        await quietly(shared?.delete(tlsPrefix + name));
        void changed();
      },
    };
  }

  /** Under way by TLS-ALPN-01, by name. */
  get certificates(): ReadonlyMap<string, CertificateKeyPair> {
    return new Map([...this.#foreignCertificates, ...this.#certificates]);
  }

  /**
   * The key authorization for a path that begins with the prefix; undefined: there is none. A promise when other
   * proxies may know it.
   */
  keyAuthorization(path: string): string | undefined | Promise<string | undefined> {
    const token = path.slice(challengePathPrefix.length);
    const own = this.#keyAuthorizations.get(token);
    const { shared } = this.#context;
    if (own !== undefined || shared === null || !tokenPattern.test(token)) return own;
    return this.#lookups.run(() => readText(shared, httpPrefix + token)) ?? undefined;
  }

  certificate(name: string): CertificateKeyPair | undefined {
    return this.#certificates.get(name) ?? this.#foreignCertificates.get(name);
  }

  /** Takes over what other proxies are being validated for. Never rejects. */
  async reload(): Promise<void> {
    const { shared, changed } = this.#context;
    if (shared === null) return;
    const found = new Map<string, CertificateKeyPair>();
    try {
      for (const key of await shared.list(tlsPrefix)) {
        const pair = certificateIn(await readText(shared, key));
        if (pair !== null) found.set(key.slice(tlsPrefix.length), pair);
      }
    } catch {
      // The storage can't be reached: orders under way fail without that, too.
      return;
    }
    const isSame =
      found.size === this.#foreignCertificates.size &&
      [...found].every(([name, { certificate }]) => {
        return this.#foreignCertificates.get(name)?.certificate === certificate;
      });
    if (isSame) return;
    this.#foreignCertificates = found;
    await changed();
  }
}

/** Null: there is none, or it is damaged. */
function certificateIn(text: string | undefined): CertificateKeyPair | null {
  if (text === undefined) return null;
  try {
    return readKeyPair(text, text).pair;
  } catch {
    return null;
  }
}

async function readText(storage: CertificateStorage, key: string): Promise<string | undefined> {
  try {
    return (await storage.read(key))?.toString("utf8");
  } catch {
    return undefined;
  }
}

/** An answer that stays harms nobody: its token is never asked for again. */
async function quietly(work: Promise<void> | undefined): Promise<void> {
  await work?.catch(() => {});
}
