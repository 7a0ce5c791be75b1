/**
 * The certificates that services have in files: read by the check before a service is published, so that they
 * are there with it, and looked at from time to time. One file after the other, and never in the event loop:
 * a disk may hang.
 */
import { certificatePollIntervalMs, maxCheckedCertificates } from "../../../config/limits.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { ServiceSnapshot } from "../../../seam/snapshot.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { KeyPair } from "../key-pair.ts";
import {
  type CertificateFiles,
  type FilesVersion,
  readVersion,
  StaticCertificate,
} from "./static-certificate.ts";

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
  /** What checks have found, by files, for the services that are published with it. */
  readonly #checked = new Map<string, FilesVersion>();
  #timer: Timer | null = null;
  /** The files are looked at, which may take as long as their disk does. */
  #looking = false;

  constructor(settings: StaticCertificatesSettings) {
    this.#settings = settings;
  }

  /** To be called with all services that have certificate files. */
  update(services: readonly ServiceSnapshot[]): void {
    const next = new Map<string, Entry>();
    const unread: Entry[] = [];
    const used: string[] = [];
    for (const { name, options } of services) {
      const files = filesOf(options);
      const old = this.#entries.get(name);
      const certificate =
        old !== undefined && isSame(old.certificate.files, files)
          ? old.certificate
          : new StaticCertificate(name, files, this.#settings.logger);
      // A service that was not deployed again is left to the poll: thousands would ask the disk each time.
      const entry = { certificate, options };
      if (certificate !== old?.certificate || options !== old.options) {
        const version = this.#checked.get(keyOf(files));
        if (version === undefined) unread.push(entry);
        else certificate.take(version);
        used.push(keyOf(files));
      }
      next.set(name, entry);
    }
    this.#entries = next;
    for (const key of used) this.#checked.delete(key);
    if (unread.length > 0) void this.#look(unread);
    this.#schedulePoll();
  }

  keyPair(service: string): KeyPair | null {
    return this.#entries.get(service)?.certificate.keyPair ?? null;
  }

  /** Why the files of the service can't be used as they are now. */
  error(service: string): string | null {
    return this.#entries.get(service)?.certificate.error ?? null;
  }

  /** Rejects with the reason when the files can't be served; logs what only looks wrong. */
  async check(options: ServiceOptions): Promise<void> {
    const files = filesOf(options);
    const key = keyOf(files);
    const version = (await readVersion(files, ""))!;
    this.#checked.delete(key);
    this.#checked.set(key, version);
    if (this.#checked.size > maxCheckedCertificates) {
      this.#checked.delete(this.#checked.keys().next().value!);
    }
    if (version.content instanceof Error) throw version.content;
    this.#warn(options, version.content);
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
    if (this.#looking) return;
    this.#timer ??= this.#settings.clock.after(certificatePollIntervalMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    this.#timer = null;
    this.#looking = true;
    await this.#look(this.#entries.values());
    this.#looking = false;
    this.#schedulePoll();
  }

  async #look(entries: Iterable<Entry>): Promise<void> {
    let changed = false;
    for (const { certificate, options } of entries) {
      if (!(await certificate.refresh())) continue;
      changed = true;
      // It would be older by now.
      this.#checked.delete(keyOf(certificate.files));
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

function keyOf({ certificatePath, privateKeyPath }: CertificateFiles): string {
  return `${certificatePath}\n${privateKeyPath}`;
}

function isSame(a: CertificateFiles, b: CertificateFiles): boolean {
  return a.certificatePath === b.certificatePath && a.privateKeyPath === b.privateKeyPath;
}
