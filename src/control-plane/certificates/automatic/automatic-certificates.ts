/** The automatic certificates of one directory and cache folder, by name. */
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { AutomaticCertificate } from "./automatic-certificate.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import type { KeyPair } from "../key-pair.ts";
import { type CertificateCache, rsaSuffix } from "../storage/certificate-cache.ts";
import type { OrderedKeyType } from "./certificate-keys.ts";
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
  ordering: () => Disposable;
}

export class AutomaticCertificates {
  readonly #context: AutomaticCertificatesContext;
  readonly #certificates = new Map<string, AutomaticCertificate>();
  /** For clients that take no ECDSA, beside the others. */
  readonly #rsa = new Map<string, AutomaticCertificate>();

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
      certificate = this.#create(name, "ec");
      this.#certificates.set(name, certificate);
    }
    return certificate;
  }

  /** Undefined: there is none, and nobody has asked for one. */
  findRsa(name: string): AutomaticCertificate | undefined {
    return this.#rsa.get(name);
  }

  /** Only for names that have another one. */
  rsaCertificate(name: string): AutomaticCertificate {
    let certificate = this.#rsa.get(name);
    if (certificate === undefined) {
      certificate = this.#create(name, "rsa");
      this.#rsa.set(name, certificate);
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
    for (const certificates of [this.#certificates, this.#rsa]) {
      certificates.get(name)?.close();
      certificates.delete(name);
    }
    await this.#context.cache.forget(name);
    this.#context.changed();
  }

  /** Somebody else may have obtained what is served here. Never rejects. */
  async reload(): Promise<void> {
    const all = [...this.#certificates.values(), ...this.#rsa.values()];
    await Promise.all(all.map((certificate) => certificate.reload()));
  }

  /** Names that no service has any more are not renewed; their certificates stay on the disk. */
  retain(isWanted: (name: string) => boolean): void {
    for (const certificates of [this.#certificates, this.#rsa]) {
      for (const [name, certificate] of certificates) {
        if (isWanted(name)) continue;
        certificates.delete(name);
        certificate.close();
      }
    }
  }

  #create(name: string, keyType: OrderedKeyType): AutomaticCertificate {
    const isRsa = keyType === "rsa";
    const key = isRsa ? name + rsaSuffix : name;
    const { cache, authorities, profile, clock, logger, random, changed, failed, ordering } =
      this.#context;
    return new AutomaticCertificate(name, {
      clock,
      logger,
      random,
      changed,
      failed,
      ordering,
      keyType,
      load: isRsa ? () => cache.readRsaCertificate(name) : () => this.#loadBoth(name),
      save: (keyPair, lock) => cache.writeCertificate(name, keyPair, lock ?? undefined),
      lock: (signal) => cache.lock(key, signal),
      failures: {
        load: () => cache.readFailure(key),
        save: (failure) => this.#quietly(cache.writeFailure(key, failure)),
        forget: () => this.#quietly(cache.deleteFailure(key)),
      },
      issue: (request) => authorities.issue({ ...request, name, profile }),
      preflight: isRsa ? null : this.#context.preflight(name),
      renewalWindow: (pem, signal) => authorities.renewalWindow(pem, signal),
    });
  }

  /** The one for clients without ECDSA is served beside it, when there is one. */
  async #loadBoth(name: string): Promise<KeyPair | null> {
    const { cache } = this.#context;
    const [found, rsa] = await Promise.all([
      cache.readCertificate(name),
      cache.readRsaCertificate(name),
    ]);
    if (rsa !== null) await this.rsaCertificate(name).load();
    return found;
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
