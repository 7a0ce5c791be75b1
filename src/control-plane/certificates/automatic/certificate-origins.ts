/**
 * Where the automatic certificate of a name is from: which of the stores, by place and directory, has it, and
 * under which name. Follows the services.
 */
import type { AcmeSettings, AuthoritySettings } from "../../../config/acme-settings.ts";
import { CommandError } from "../../../config/command-error.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { Clock } from "../../../lib/clock.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { normalHostName } from "../../../lib/host-name.ts";
import { isIpAddress } from "../../../lib/ip-address.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { ServiceSnapshot } from "../../../seam/snapshot.ts";
import type { DnsChallenge } from "../acme/dns/dns-challenge.ts";
import type { CertificateIssuer } from "../acme/issuer.ts";
import { CertificateCache } from "../storage/certificate-cache.ts";
import type { CertificateStorage } from "../storage/certificate-storage.ts";
import { FolderStorage } from "../storage/folder-storage.ts";
import { isOrderable, sourceOf, TlsServices } from "../tls-services.ts";
import { Authorities } from "./authorities.ts";
import type { CheckPreflight } from "./first-order.ts";
import type { Preflight } from "./preflight.ts";
import type { AutomaticCertificate } from "./automatic-certificate.ts";
import { AutomaticCertificates } from "./automatic-certificates.ts";

export const notOrderable = "it can't have an automatic certificate";

export interface CertificateOriginsContext {
  clock: Clock;
  logger: Logger;
  random: () => number;
  acme: AcmeSettings;
  issuer: CertificateIssuer;
  /** For services that name no cache path. */
  defaultCachePath: string;
  /** Of several proxies, in place of all folders; null: each folder is this proxy's alone. */
  sharedStorage: CertificateStorage | null;
  /** Proves wildcards, and names of its zones; null: no DNS provider is configured. */
  dns: DnsChallenge | null;
  /** Null: nobody looks whether an authority could reach this proxy. */
  preflight: Preflight | null;
  changed: () => void;
  /** An order has failed. */
  failed: () => void;
  ordering: () => Disposable;
}

export interface CertificateOrigin {
  store: AutomaticCertificates;
  /** May be the wildcard that stands for the name that was asked about. */
  name: string;
}

export class CertificateOrigins {
  readonly #context: CertificateOriginsContext;
  readonly #folders = new Map<string, FolderStorage>();
  /** By place and directory. */
  readonly #stores = new Map<string, AutomaticCertificates>();
  readonly #storeOfOptions = new WeakMap<ServiceOptions, AutomaticCertificates>();
  #services = new TlsServices([]);

  constructor(context: CertificateOriginsContext) {
    this.#context = context;
  }

  /** Names that no service has any more are renewed no longer. */
  update(services: TlsServices): void {
    this.#services = services;
    for (const store of this.#stores.values()) {
      store.retain((name) => this.storeServing(name) === store);
    }
  }

  /**
   * The store and the name of the certificate that serves a name; null: it can't have one. Where a wildcard is
   * ordered, the names below it take that instead of orders of their own.
   */
  originOf(service: ServiceSnapshot, name: string): CertificateOrigin | null {
    if (sourceOf(service) === "on-demand") return { store: this.storeOf(service), name };
    const wildcard = `*${name.slice(name.indexOf("."))}`;
    const candidates: [ServiceSnapshot | null, string][] = [
      [this.#services.lookup(wildcard), wildcard],
      [service, name],
    ];
    for (const [owner, candidate] of candidates) {
      if (owner === null || sourceOf(owner) !== "acme") continue;
      if (!owner.options.hosts.includes(candidate) || !this.canOrder(candidate)) continue;
      return { store: this.storeOf(owner), name: candidate };
    }
    return null;
  }

  /** For a command; throws a CommandError when the name can't have an automatic certificate. */
  ordered(name: string): CertificateOrigin {
    const host = normalHostName(name);
    const service = this.#services.lookup(host);
    if (service === null) throw new CommandError(`no service with TLS has the name ${host}`);
    if (sourceOf(service) === "file") {
      throw new CommandError(`the certificate of ${host} comes from files: replace them`);
    }
    const origin = this.originOf(service, host);
    if (origin === null) throw new CommandError(`${host}: ${notOrderable}`);
    return origin;
  }

  /** For a command; rejects with a CommandError when it can't be had. */
  async renew(name: string): Promise<void> {
    const { store, name: ordered } = this.ordered(name);
    try {
      await store.certificate(ordered).renewNow();
      await store.findRsa(ordered)?.renewNow();
    } catch (error) {
      throw new CommandError(
        `unable to obtain a certificate for ${ordered}: ${messageWithCause(error)}`,
      );
    }
  }

  async forget(name: string): Promise<void> {
    const { store, name: ordered } = this.ordered(name);
    await store.forget(ordered);
  }

  /** A client of the name takes no ECDSA. Such a certificate is beside the other one, which must be there. */
  async wantRsa(name: string): Promise<void> {
    const service = this.#services.lookup(name);
    if (service === null || sourceOf(service) === "file") return;
    const origin = this.originOf(service, name);
    if (origin === null || !origin.store.find(origin.name)?.current) return;
    await origin.store.rsaCertificate(origin.name).get();
  }

  /** What was ordered or loaded for the name so far. */
  find(service: ServiceSnapshot, name: string): AutomaticCertificate | undefined {
    const origin = this.originOf(service, name);
    return origin?.store.find(origin.name);
  }

  /** The store that the name's certificate comes from; null when no service allows an order for it. */
  storeServing(name: string): AutomaticCertificates | null {
    const service = this.#services.lookup(name);
    if (service === null || sourceOf(service) === "file") return null;
    const origin = this.originOf(service, name);
    return origin?.name === name ? origin.store : null;
  }

  storeOf({ options }: ServiceSnapshot): AutomaticCertificates {
    const known = this.#storeOfOptions.get(options);
    if (known !== undefined) return known;
    const { acme, clock, logger, random, issuer, defaultCachePath, changed, failed, ordering } =
      this.#context;
    const directory = options.acmeDirectory || acme.directory;
    const storage = this.#storageAt(options.acmeCachePath || defaultCachePath);
    const key = `${storage.place}\n${directory}`;
    let store = this.#stores.get(key);
    if (store === undefined) {
      store = new AutomaticCertificates({
        cache: new CertificateCache(storage, directory),
        authorities: new Authorities({
          authorities: this.#authoritiesAt(options.acmeDirectory),
          storage,
          issuer,
          logger,
          clock,
        }),
        profile: acme.profile,
        preflight: (name) => this.#preflightOf(name),
        clock,
        logger,
        random,
        changed,
        failed,
        ordering,
      });
      this.#stores.set(key, store);
    }
    this.#storeOfOptions.set(options, store);
    return store;
  }

  /** Whether the name can have an automatic certificate: a wildcard only where DNS-01 is configured. */
  canOrder(name: string): boolean {
    // Authorities issue for addresses in certain profiles alone.
    if (isIpAddress(name)) return this.#context.acme.profile !== "";
    if (!name.startsWith("*.")) return isOrderable(name);
    return isOrderable(name.slice(2)) && (this.#context.dns?.covers(name) ?? false);
  }

  /** Another proxy has written: its certificates are served here as well. */
  async reload(): Promise<void> {
    await Promise.all([...this.#stores.values()].map((store) => store.reload()));
  }

  /** What is proved by DNS needs no port. */
  #preflightOf(name: string): CheckPreflight | null {
    const { preflight, dns } = this.#context;
    if (preflight === null || name.startsWith("*.") || dns?.covers(name)) return null;
    return () => preflight.check(name);
  }

  /** A directory that a service names is asked alone. */
  #authoritiesAt(directory: string): readonly AuthoritySettings[] {
    if (directory === "") return this.#context.acme.authorities;
    return [{ key: directory, url: directory, externalAccount: null }];
  }

  /** A store that several proxies share takes the place of all folders. */
  #storageAt(folder: string): CertificateStorage {
    const { sharedStorage } = this.#context;
    if (sharedStorage !== null) return sharedStorage;
    let storage = this.#folders.get(folder);
    if (storage === undefined) {
      storage = new FolderStorage(folder);
      this.#folders.set(folder, storage);
    }
    return storage;
  }
}
