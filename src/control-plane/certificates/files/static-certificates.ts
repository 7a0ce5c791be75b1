/** The certificates that services have in files: loaded with the service, looked at from time to time. */
import { certificatePollIntervalMs } from "../../../config/defaults.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { ServiceSnapshot } from "../../../seam/snapshot.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { KeyPair } from "../key-pair.ts";
import { type CertificateFiles, loadKeyPair, StaticCertificate } from "./static-certificate.ts";

export interface StaticCertificatesSettings {
  clock: Clock;
  logger: Logger;
  /** A file was replaced. */
  changed: () => void;
}

interface Entry {
  certificate: StaticCertificate;
  options: ServiceOptions;
}

export class StaticCertificates {
  readonly #settings: StaticCertificatesSettings;
  /** By service. */
  #entries = new Map<string, Entry>();
  #timer: Timer | null = null;

  constructor(settings: StaticCertificatesSettings) {
    this.#settings = settings;
  }

  /** To be called with all services that have certificate files. */
  update(services: readonly ServiceSnapshot[]): void {
    const next = new Map<string, Entry>();
    for (const { name, options } of services) {
      const files = filesOf(options);
      const old = this.#entries.get(name);
      const certificate =
        old !== undefined && isSame(old.certificate.files, files)
          ? old.certificate
          : new StaticCertificate(name, files, this.#settings.logger);
      // A service that was not deployed again is left to the poll: thousands would ask the disk each time.
      if (certificate !== old?.certificate || options !== old.options) certificate.refresh();
      next.set(name, { certificate, options });
    }
    this.#entries = next;
    this.#schedulePoll();
  }

  keyPair(service: string): KeyPair | null {
    return this.#entries.get(service)?.certificate.keyPair ?? null;
  }

  /** Why the files of the service can't be used as they are now. */
  error(service: string): string | null {
    return this.#entries.get(service)?.certificate.error ?? null;
  }

  /** Throws with the reason when the files can't be served; logs what only looks wrong. */
  check(options: ServiceOptions): void {
    this.#warn(options, loadKeyPair(filesOf(options)));
  }

  close(): void {
    this.#entries.clear();
    this.#schedulePoll();
  }

  /** Looking again and again also finds what file events miss: mounts, network disks, swapped links. */
  #schedulePoll(): void {
    if (this.#entries.size === 0) {
      this.#timer?.cancel();
      this.#timer = null;
      return;
    }
    this.#timer ??= this.#settings.clock.after(certificatePollIntervalMs, () => {
      this.#timer = null;
      this.#poll();
      this.#schedulePoll();
    });
  }

  #poll(): void {
    let changed = false;
    for (const { certificate, options } of this.#entries.values()) {
      if (!certificate.refresh()) continue;
      changed = true;
      this.#warn(options, certificate.keyPair!);
    }
    if (changed) this.#settings.changed();
  }

  /** Such certificates are served nevertheless: clients behind a CDN may not look at them. */
  #warn({ hosts, tlsCertificatePath: path }: ServiceOptions, keyPair: KeyPair): void {
    const { logger, clock } = this.#settings;
    const uncovered = hosts.filter((host) => !keyPair.covers(host));
    if (uncovered.length > 0) {
      logger.warn("TLS certificate does not cover all hosts", { path, hosts: uncovered });
    }
    const nowMs = clock.wallMs();
    if (keyPair.notAfterMs <= nowMs) {
      const expired = new Date(keyPair.notAfterMs).toISOString();
      logger.warn("TLS certificate has expired", { path, expired });
    } else if (keyPair.notBeforeMs > nowMs) {
      const starts = new Date(keyPair.notBeforeMs).toISOString();
      logger.warn("TLS certificate is not valid yet", { path, starts });
    }
  }
}

function filesOf(options: ServiceOptions): CertificateFiles {
  return {
    certificatePath: options.tlsCertificatePath,
    privateKeyPath: options.tlsPrivateKeyPath,
  };
}

function isSame(a: CertificateFiles, b: CertificateFiles): boolean {
  return a.certificatePath === b.certificatePath && a.privateKeyPath === b.privateKeyPath;
}
