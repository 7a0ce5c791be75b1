/** The automatic certificates of one directory and cache folder, by name. */
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { AutomaticCertificate } from "./automatic-certificate.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import type { CertificateCache } from "../storage/certificate-cache.ts";
import type { CheckPreflight } from "./first-order.ts";
import type { Authorities } from "./authorities.ts";

export interface AutomaticCertificatesContext {
  cache: CertificateCache;
  authorities: Authorities;
  /** Of automatic certificates; empty: the authority's default. */
  profile: string;
  /** Of a name; null: it plays no part. */
  preflight: (name: string) => CheckPreflight | null;
  clock: Clock;
  logger: Logger;
  random: () => number;
  changed: () => void;
  failed: () => void;
}

export class AutomaticCertificates {
  readonly #context: AutomaticCertificatesContext;
  readonly #certificates = new Map<string, AutomaticCertificate>();

  constructor(context: AutomaticCertificatesContext) {
    this.#context = context;
  }

  find(name: string): AutomaticCertificate | undefined {
    return this.#certificates.get(name);
  }

  /** Only for names that a service allows. */
  certificate(name: string): AutomaticCertificate {
    let certificate = this.#certificates.get(name);
    if (certificate === undefined) {
      certificate = this.#create(name);
      this.#certificates.set(name, certificate);
    }
    return certificate;
  }

  /** Whether a certificate was ever saved for the name. */
  async hasSaved(name: string): Promise<boolean> {
    return await this.#context.cache.has(name);
  }

  all(): IterableIterator<AutomaticCertificate> {
    return this.#certificates.values();
  }

  /** Where certificates are kept, for messages. */
  get place(): string {
    return this.#context.cache.storage.place;
  }

  /** Forgets the certificate, also where it is kept, and why it could not be had. */
  async forget(name: string): Promise<void> {
    this.#certificates.get(name)?.close();
    this.#certificates.delete(name);
    await this.#context.cache.forget(name);
    this.#context.changed();
  }

  /** Somebody else may have obtained what is served here. Never rejects. */
  async reload(): Promise<void> {
    await Promise.all([...this.#certificates.values()].map((certificate) => certificate.reload()));
  }

  /** Names that no service has any more are not renewed; their certificates stay on the disk. */
  retain(isWanted: (name: string) => boolean): void {
    for (const [name, certificate] of this.#certificates) {
      if (isWanted(name)) continue;
      this.#certificates.delete(name);
      certificate.close();
    }
  }

  #create(name: string): AutomaticCertificate {
    const { cache, authorities, profile, clock, logger, random, changed, failed } = this.#context;
    return new AutomaticCertificate(name, {
      clock,
      logger,
      random,
      changed,
      failed,
      load: () => cache.readCertificate(name),
      save: (keyPair, lock) => cache.writeCertificate(name, keyPair, lock ?? undefined),
      lock: (signal) => cache.lock(name, signal),
      failures: {
        load: () => cache.readFailure(name),
        save: (failure) => this.#quietly(cache.writeFailure(name, failure)),
        forget: () => this.#quietly(cache.deleteFailure(name)),
      },
      issue: (request) => authorities.issue({ ...request, name, profile }),
      preflight: this.#context.preflight(name),
      renewalWindow: (pem, signal) => authorities.renewalWindow(pem, signal),
    });
  }

  /** What can't be kept is lost with this run, no more. */
  async #quietly(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const fields = { path: this.#context.cache.storage.place, error: messageWithCause(error) };
      this.#context.logger.debug("Unable to keep the failure of an order", fields);
    }
  }
}
