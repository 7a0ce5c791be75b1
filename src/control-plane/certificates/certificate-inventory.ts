/** What is known of the certificates of all services with TLS: what is there, until when, and what is wrong. */
import { deployPreflightTimeoutMs } from "../../config/limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { waitAtMost } from "../../lib/sleep.ts";
import type { NamedCertificate } from "../../seam/certificates.ts";
import type { CertificateKeyPair } from "../../seam/handshake-certificates.ts";
import type { ServiceSnapshot } from "../../seam/snapshot.ts";
import type { AutomaticCertificate } from "./automatic/automatic-certificate.ts";
import { type CertificateOrigins, notOrderable } from "./automatic/certificate-origins.ts";
import type { CertificateDetails, CertificateSource } from "./certificate-details.ts";
import { certificateEntry } from "./certificate-entry.ts";
import type { StaticCertificates } from "./files/static-certificates.ts";
import { pairedCertificate } from "./automatic/paired-certificate.ts";
import type { KeyPair } from "./key-pair.ts";
import { sourceOf, TlsServices } from "./tls-services.ts";

export interface CertificateStatus {
  name: string;
  source: CertificateSource;
  /** ISO date; null: there is no certificate yet. */
  expires: string | null;
  error: string | null;
  /** Why an authority may not reach this proxy, as it was seen before the first order; null: nothing was. */
  preflight: string | null;
}

export class CertificateInventory {
  readonly #static: StaticCertificates;
  readonly #origins: CertificateOrigins;
  readonly #clock: Clock;
  #services = new TlsServices([]);

  constructor(files: StaticCertificates, origins: CertificateOrigins, clock: Clock) {
    this.#static = files;
    this.#origins = origins;
    this.#clock = clock;
  }

  update(services: TlsServices): void {
    this.#services = services;
  }

  all(): Map<string, CertificateKeyPair> {
    const found = new Map<string, CertificateKeyPair>();
    for (const service of this.#services.all()) {
      for (const name of this.namesOf(service)) {
        const pair = this.#pairOf(service, name);
        if (pair !== null) found.set(name, pair);
      }
    }
    return found;
  }

  withoutName(): CertificateKeyPair | null {
    const service = this.#services.withoutName;
    if (service === null) return null;
    return this.#pairOf(service, service.options.hosts[0]!);
  }

  /** What handshakes can be answered with without asking; null: the name is to be asked about. */
  served(): Map<string, NamedCertificate | null> {
    const names = new Map<string, NamedCertificate | null>();
    for (const name of this.#services.hosts()) names.set(name, null);
    const nowMs = this.#clock.wallMs();
    for (const service of this.#services.all()) {
      const isFile = sourceOf(service) === "file";
      for (const name of this.namesOf(service)) {
        const keyPair = this.known(service, name);
        if (keyPair === null || (!isFile && keyPair.notBeforeMs > nowMs)) continue;
        const pair = this.#pairOf(service, name)!;
        names.set(name, { pair, untilMs: isFile ? null : keyPair.notAfterMs });
      }
    }
    return names;
  }

  /** The certificates of a service, for `list`. */
  describe(serviceName: string): CertificateStatus[] {
    const service = this.#services.withTls(serviceName);
    if (service === undefined) return [];
    const source = sourceOf(service);
    return this.namesOf(service).map((name): CertificateStatus => {
      const keyPair = this.known(service, name);
      return {
        name,
        source,
        expires: keyPair === null ? null : new Date(keyPair.notAfterMs).toISOString(),
        error: this.#error(service, name),
        preflight:
          source === "file" ? null : (this.#origins.find(service, name)?.preflight ?? null),
      };
    });
  }

  /** What is known of each name of each service with TLS. */
  details(): CertificateDetails[] {
    return [...this.#services.all()].flatMap((service) =>
      this.namesOf(service).map((name) => this.#entryOf(service, name)),
    );
  }

  /** When each certificate expires, by name, in milliseconds since 1970. */
  expiries(): Map<string, number> {
    const found = new Map<string, number>();
    for (const service of this.#services.all()) {
      for (const name of this.namesOf(service)) {
        const keyPair = this.known(service, name);
        if (keyPair !== null) found.set(name, keyPair.notAfterMs);
      }
    }
    return found;
  }

  /** Hosts of the service; for one on demand the names that have been asked for. */
  namesOf(service: ServiceSnapshot): string[] {
    if (sourceOf(service) !== "on-demand") return service.options.hosts;
    const names = [...this.#origins.storeOf(service).all()].map(({ name }) => name);
    return names.filter((name) => this.#services.lookup(name) === service);
  }

  known(service: ServiceSnapshot, name: string): KeyPair | null {
    if (sourceOf(service) === "file") return this.#static.keyPair(service.name);
    return this.#origins.find(service, name)?.current ?? null;
  }

  /** With the one for clients that take no ECDSA, when there is one. */
  #pairOf(service: ServiceSnapshot, name: string): CertificateKeyPair | null {
    const keyPair = this.known(service, name);
    if (keyPair === null || sourceOf(service) === "file") return keyPair?.pair ?? null;
    return pairedCertificate(
      keyPair,
      this.#rsaOf(service, name)?.current ?? null,
      this.#clock.wallMs(),
    );
  }

  #rsaOf(service: ServiceSnapshot, name: string): AutomaticCertificate | undefined {
    const origin = this.#origins.originOf(service, name);
    return origin?.store.findRsa(origin.name);
  }

  /** Why there is no certificate, or no newer one. */
  #error(service: ServiceSnapshot, name: string): string | null {
    const source = sourceOf(service);
    if (source === "file") return this.#static.error(service.name);
    if (this.#origins.originOf(service, name) === null) return notOrderable;
    const error = this.#origins.find(service, name)?.lastError ?? null;
    if (error !== null) return error;
    const rsaError = this.#rsaOf(service, name)?.lastError ?? null;
    return rsaError === null ? null : `for clients without ECDSA: ${rsaError}`;
  }

  #entryOf(service: ServiceSnapshot, name: string): CertificateDetails {
    const isFile = sourceOf(service) === "file";
    const origin = isFile ? null : this.#origins.originOf(service, name);
    return certificateEntry({
      name,
      service,
      servedBy: origin?.name ?? name,
      keyPair: this.known(service, name),
      automatic: origin?.store.find(origin.name),
      rsa: origin?.store.findRsa(origin.name)?.current ?? null,
      store: isFile ? service.options.tlsCertificatePath : this.#origins.storeOf(service).place,
      error: this.#error(service, name),
      nowMs: this.#clock.wallMs(),
    });
  }

  /** What may keep the missing certificates of a service from being issued; waits so long for that. */
  async outlook(serviceName: string): Promise<string[]> {
    const service = this.#services.withTls(serviceName);
    if (service === undefined || sourceOf(service) !== "acme") return [];
    const certificates = this.automaticOf(service);
    const looks = Promise.all(certificates.map((certificate) => certificate.lookAhead()));
    await waitAtMost(this.#clock, deployPreflightTimeoutMs, looks);
    return certificates.flatMap(({ preflight }) => preflight ?? []);
  }

  /** Its automatic certificates, whether they are there or not. */
  automaticOf(service: ServiceSnapshot): AutomaticCertificate[] {
    const certificates = new Set<AutomaticCertificate>();
    for (const name of this.namesOf(service)) {
      // Another service may have the name at the root path.
      const serving = this.#services.lookup(name);
      const origin = serving === service ? this.#origins.originOf(service, name) : null;
      if (origin !== null) certificates.add(origin.store.certificate(origin.name));
    }
    return [...certificates];
  }
}
