/**
 * Knows the certificate of every server name: from files, from a certificate authority, or on demand.
 * Follows the published services; listeners and the pipeline ask it.
 */
import { CommandError } from "../../config/command-error.ts";
import type { AcmeSettings, AuthoritySettings } from "../../config/acme-settings.ts";
import type { ServiceOptions } from "../../config/options.ts";
import type { NamedCertificate, ServedCertificates } from "../../seam/certificates.ts";
import type { ChallengeAnswer } from "../../seam/data-plane.ts";
import type { ServiceSnapshot } from "../../seam/snapshot.ts";
import { isIpAddress } from "../../lib/ip-address.ts";
import { normalHostName } from "../../lib/host-name.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Fetch } from "./acme/acme-http.ts";
import { AcmeIssuer } from "./acme/acme-issuer.ts";
import type { DnsChallenge } from "./acme/dns/dns-challenge.ts";
import type { AutomaticCertificate } from "./automatic/automatic-certificate.ts";
import { Authorities } from "./automatic/authorities.ts";
import { BackgroundFetches } from "./automatic/background-fetches.ts";
import { AutomaticCertificates } from "./automatic/automatic-certificates.ts";
import { challengePathPrefix, ChallengeResponses } from "./automatic/challenge-responses.ts";
import { CertificateCache } from "./storage/certificate-cache.ts";
import type { CertificateStorage } from "./storage/certificate-storage.ts";
import { FolderStorage } from "./storage/folder-storage.ts";
import type {
  CertificateKeyPair,
  HandshakeCertificates,
} from "../../seam/handshake-certificates.ts";
import type { CertificateIssuer } from "./acme/issuer.ts";
import type { KeyPair } from "./key-pair.ts";
import { type CertificateEntry, certificateEntry } from "./certificate-entry.ts";
import { messageWithCause } from "../../lib/error-text.ts";
import { type AskTarget, OnDemandPolicy } from "./automatic/on-demand.ts";
import { StaticCertificates } from "./files/static-certificates.ts";
import { type CertificateSource, isOrderable, sourceOf, TlsServices } from "./tls-services.ts";

export interface CertificateManagerSettings {
  clock: Clock;
  logger: Logger;
  acme: AcmeSettings;
  /** For services that name no cache path. */
  defaultCachePath: string;
  /** Sent to certificate authorities. */
  userAgent: string;
  askTarget: AskTarget;
  fetch?: Fetch;
  random?: () => number;
  /** In place of ACME. */
  issuer?: CertificateIssuer;
  /** Of several proxies, in place of all folders; null: each folder is this proxy's alone. */
  sharedStorage?: CertificateStorage | null;
  /** Proves wildcards, and names of its zones; null: no DNS provider is configured. */
  dns?: DnsChallenge | null;
  /** Handshakes of a name under validation are to be answered in another way; resolves when they are. */
  challengesChanged?: () => Promise<void>;
  /** Services come from the last run, until `restored` is called. */
  restoring?: boolean;
}

export interface CertificateStatus {
  name: string;
  source: CertificateSource;
  /** ISO date; null: there is no certificate yet. */
  expires: string | null;
  error: string | null;
}

const noWait = Promise.resolve();
const notOrderable = "it can't have an automatic certificate";
const noSuchChallenge: ChallengeAnswer = { status: 404, body: "no such challenge\n" };

export class CertificateManager implements HandshakeCertificates {
  onChange: (() => void) | null = null;
  readonly #settings: CertificateManagerSettings;
  readonly #random: () => number;
  readonly #challenges: ChallengeResponses;
  readonly #issuer: CertificateIssuer;
  readonly #onDemand: OnDemandPolicy;
  readonly #background: BackgroundFetches;
  readonly #folders = new Map<string, FolderStorage>();
  readonly #watch: Disposable | null;
  /** By place and directory. */
  readonly #stores = new Map<string, AutomaticCertificates>();
  readonly #storeOfOptions = new WeakMap<ServiceOptions, AutomaticCertificates>();
  readonly #static: StaticCertificates;
  #services = new TlsServices([]);
  /** As it was when a change was last told. */
  #told = {
    all: new Map<string, CertificateKeyPair>(),
    withoutName: null as CertificateKeyPair | null,
  };
  #closed = false;
  #failedOrders = 0;

  constructor(settings: CertificateManagerSettings) {
    const { clock, logger, acme, userAgent, askTarget, fetch = globalThis.fetch } = settings;
    this.#settings = settings;
    const { sharedStorage: shared = null } = settings;
    this.#challenges = new ChallengeResponses({
      clock,
      shared,
      changed: () => settings.challengesChanged?.() ?? noWait,
    });
    this.#watch = shared?.watch(() => void this.#takeOver()) ?? null;
    this.#static = new StaticCertificates({ clock, logger, changed: () => this.#tellChange() });
    this.#random = settings.random ?? Math.random;
    this.#background = new BackgroundFetches(clock, settings.restoring ?? false);
    this.#issuer =
      settings.issuer ??
      new AcmeIssuer({
        settings: acme,
        fetch,
        clock,
        challenges: this.#challenges,
        dns: settings.dns ?? null,
        userAgent,
      });
    this.#onDemand = new OnDemandPolicy({ askTarget, fetch, caFiles: acme.caFiles, clock, logger });
  }

  /** Follows the services that are served from now on. To be called after each publication. */
  update(services: readonly ServiceSnapshot[]): void {
    if (this.#closed) return;
    this.#services = new TlsServices(services);
    const served = [...this.#services.all()];
    this.#static.update(served.filter((service) => sourceOf(service) === "file"));
    this.#updateStores();
    this.#noteDeployments(served);
    this.#tellChange();
  }

  /** From now on new services are deploys, whose certificates are ordered ahead. */
  restored(): void {
    this.#background.restored();
  }

  forName(name: string): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    const challenge = this.#challenges.certificate(name);
    if (challenge !== undefined) return challenge;
    const service = this.#services.lookup(name);
    if (service === null) return this.#refuse(name, "no service with TLS has the name");
    switch (sourceOf(service)) {
      case "file":
        return (
          this.#static.keyPair(service.name)?.pair ??
          this.#refuse(name, "its certificate files can't be read")
        );
      case "acme":
        return this.#automatic(service, name)?.get() ?? null;
      case "on-demand":
        return this.#forNameOnDemand(service, name);
    }
  }

  withoutName(): CertificateKeyPair | null {
    const service = this.#services.withoutName;
    if (service === null) return null;
    return this.#known(service, service.options.hosts[0]!)?.pair ?? null;
  }

  defaultHost(): string | null {
    return this.#services.withoutName?.options.hosts[0] ?? null;
  }

  isChallenge(name: string): boolean {
    return this.#challenges.certificate(name) !== undefined;
  }

  all(): Map<string, CertificateKeyPair> {
    const found = new Map<string, CertificateKeyPair>();
    for (const service of this.#services.all()) {
      for (const name of this.#namesOf(service)) {
        const keyPair = this.#known(service, name);
        if (keyPair !== null) found.set(name, keyPair.pair);
      }
    }
    return found;
  }

  /** What handshakes can be answered with without asking; all other names are to be asked about. */
  served(): ServedCertificates {
    const names = new Map<string, NamedCertificate | null>();
    for (const name of this.#services.hosts()) names.set(name, null);
    const nowMs = this.#settings.clock.wallMs();
    for (const service of this.#services.all()) {
      const isFile = sourceOf(service) === "file";
      for (const name of this.#namesOf(service)) {
        const keyPair = this.#known(service, name);
        if (keyPair === null || (!isFile && keyPair.notBeforeMs > nowMs)) continue;
        names.set(name, { pair: keyPair.pair, untilMs: isFile ? null : keyPair.notAfterMs });
      }
    }
    return {
      names,
      challenges: new Map(this.#challenges.certificates),
      withoutName: this.withoutName(),
      defaultHost: this.defaultHost(),
    };
  }

  /**
   * For a deploy with certificate files: rejects with the reason when they can't be served. What
   * is served although it looks wrong is logged.
   */
  async checkCertificate(options: ServiceOptions): Promise<void> {
    await this.#static.check(options);
  }

  /**
   * The answer to HTTP-01 (RFC 8555 8.3); null: an ordinary request. The host name is without port.
   * A promise only for what a shared store may know, and for a host on demand whose permission is not known.
   */
  challengeResponse(
    hostName: string,
    path: string,
  ): ChallengeAnswer | Promise<ChallengeAnswer> | null {
    if (!path.startsWith(challengePathPrefix)) return null;
    const name = normalHostName(hostName);
    const service = this.#services.lookup(name);
    if (service === null || sourceOf(service) === "file") return null;
    const keyAuthorization = this.#challenges.keyAuthorization(path);
    if (!(keyAuthorization instanceof Promise)) {
      return this.#challengeAnswer(service, name, keyAuthorization);
    }
    return keyAuthorization.then((found) => this.#challengeAnswer(service, name, found));
  }

  #challengeAnswer(
    service: ServiceSnapshot,
    name: string,
    keyAuthorization: string | undefined,
  ): ChallengeAnswer | Promise<ChallengeAnswer> {
    if (keyAuthorization !== undefined) return { status: 200, body: keyAuthorization };
    const isKnown = sourceOf(service) === "acme" || !isOrderable(name);
    return isKnown ? noSuchChallenge : this.#answerOnDemand(service, name);
  }

  /** The certificates of a service, for `list`. */
  describe(serviceName: string): { certificates: CertificateStatus[] } {
    const service = this.#services.withTls(serviceName);
    if (service === undefined) return { certificates: [] };
    const source = sourceOf(service);
    const certificates = this.#namesOf(service).map((name): CertificateStatus => {
      const keyPair = this.#known(service, name);
      return {
        name,
        source,
        expires: keyPair === null ? null : new Date(keyPair.notAfterMs).toISOString(),
        error: this.#error(service, name),
      };
    });
    return { certificates };
  }

  /** What is known of each name of each service with TLS. */
  details(): CertificateEntry[] {
    return [...this.#services.all()].flatMap((service) =>
      this.#namesOf(service).map((name) => this.#entryOf(service, name)),
    );
  }

  /** When each certificate expires, by name, in milliseconds since 1970. */
  expiries(): Map<string, number> {
    const found = new Map<string, number>();
    for (const service of this.#services.all()) {
      for (const name of this.#namesOf(service)) {
        const keyPair = this.#known(service, name);
        if (keyPair !== null) found.set(name, keyPair.notAfterMs);
      }
    }
    return found;
  }

  /** Since the start. */
  get failedOrders(): number {
    return this.#failedOrders;
  }

  /** Rejects with a CommandError when it can't be had. */
  async renew(name: string): Promise<void> {
    const { store, name: ordered } = this.#orderableOrigin(name);
    try {
      await store.certificate(ordered).renewNow();
    } catch (error) {
      throw new CommandError(
        `unable to obtain a certificate for ${ordered}: ${messageWithCause(error)}`,
      );
    }
  }

  async forget(name: string): Promise<void> {
    const { store, name: ordered } = this.#orderableOrigin(name);
    await store.forget(ordered);
  }

  #orderableOrigin(name: string): CertificateOrigin {
    const host = normalHostName(name);
    const service = this.#services.lookup(host);
    if (service === null) throw new CommandError(`no service with TLS has the name ${host}`);
    if (sourceOf(service) === "file") {
      throw new CommandError(`the certificate of ${host} comes from files: replace them`);
    }
    const origin = this.#originOf(service, host);
    if (origin === null) throw new CommandError(`${host}: ${notOrderable}`);
    return origin;
  }

  #entryOf(service: ServiceSnapshot, name: string): CertificateEntry {
    const isFile = sourceOf(service) === "file";
    const origin = isFile ? null : this.#originOf(service, name);
    return certificateEntry({
      name,
      service,
      servedBy: origin?.name ?? name,
      keyPair: this.#known(service, name),
      automatic: origin?.store.find(origin.name),
      store: isFile ? service.options.tlsCertificatePath : this.#storeOf(service).place,
      error: this.#error(service, name),
      nowMs: this.#settings.clock.wallMs(),
    });
  }

  /** Ends timers and gives up orders under way. */
  close(): void {
    this.#closed = true;
    this.#watch?.[Symbol.dispose]();
    this.#static.close();
    this.#background.close();
    for (const store of this.#stores.values()) store.retain(() => false);
    this.#services = new TlsServices([]);
    this.onChange = null;
  }

  async #answerOnDemand(service: ServiceSnapshot, name: string): Promise<ChallengeAnswer> {
    if (this.#storeOf(service).find(name)?.isSettled) return noSuchChallenge;
    const denial = await this.#denial(service, name);
    // The reason, which has the endpoint's own words, is for the log: here anybody may ask.
    const body = `${name} is not allowed to get a certificate\n`;
    return denial === null ? noSuchChallenge : { status: 403, body };
  }

  /** A change of health publishes services as well: listeners need not hear of that. */
  #tellChange(): void {
    const told = this.#told;
    this.#told = { all: this.all(), withoutName: this.withoutName() };
    const isSame =
      told.withoutName === this.#told.withoutName &&
      told.all.size === this.#told.all.size &&
      [...told.all].every(([name, pair]) => this.#told.all.get(name) === pair);
    if (!isSame) this.onChange?.();
  }

  async #forNameOnDemand(
    service: ServiceSnapshot,
    name: string,
  ): Promise<CertificateKeyPair | null> {
    if (!isOrderable(name)) return this.#refuse(name, notOrderable);
    const store = this.#storeOf(service);
    if (store.find(name)?.isSettled) return await store.certificate(name).get();
    const denial = await this.#denial(service, name);
    // Another deploy may have taken the name away meanwhile.
    const isStillServed = this.#storeServing(name) === store;
    if (denial !== null || !isStillServed)
      return this.#refuse(name, denial ?? "its service is gone");
    return await store.certificate(name).get();
  }

  /** What was issued once was allowed then, so it is not asked about again. */
  async #denial(service: ServiceSnapshot, name: string): Promise<string | null> {
    if (await this.#storeOf(service).hasSaved(name)) return null;
    return await this.#onDemand.denial(service.name, service.options.tlsOnDemandUrl, name);
  }

  #refuse(host: string, reason: string): null {
    this.#settings.logger.debug("Refused TLS handshake", { host, reason });
    return null;
  }

  /** Hosts of the service; for one on demand the names that have been asked for. */
  #namesOf(service: ServiceSnapshot): string[] {
    if (sourceOf(service) !== "on-demand") return service.options.hosts;
    const names = [...this.#storeOf(service).all()].map(({ name }) => name);
    return names.filter((name) => this.#services.lookup(name) === service);
  }

  #known(service: ServiceSnapshot, name: string): KeyPair | null {
    if (sourceOf(service) === "file") return this.#static.keyPair(service.name);
    return this.#found(service, name)?.current ?? null;
  }

  /** Why there is no certificate, or no newer one. */
  #error(service: ServiceSnapshot, name: string): string | null {
    const source = sourceOf(service);
    if (source === "file") return this.#static.error(service.name);
    if (this.#originOf(service, name) === null) return notOrderable;
    return this.#found(service, name)?.lastError ?? null;
  }

  /** What was ordered or loaded for the name so far. */
  #found(service: ServiceSnapshot, name: string): AutomaticCertificate | undefined {
    const origin = this.#originOf(service, name);
    return origin?.store.find(origin.name);
  }

  /** For a handshake; null: refused. */
  #automatic(service: ServiceSnapshot, name: string): AutomaticCertificate | null {
    const origin = this.#originOf(service, name);
    return origin?.store.certificate(origin.name) ?? this.#refuse(name, notOrderable);
  }

  /**
   * The store and the name of the certificate that serves a name; null: it can't have one. Where a wildcard is
   * ordered, the names below it take that instead of orders of their own.
   */
  #originOf(service: ServiceSnapshot, name: string): CertificateOrigin | null {
    if (sourceOf(service) === "on-demand") return { store: this.#storeOf(service), name };
    const wildcard = `*${name.slice(name.indexOf("."))}`;
    const candidates: [ServiceSnapshot | null, string][] = [
      [this.#services.lookup(wildcard), wildcard],
      [service, name],
    ];
    for (const [owner, candidate] of candidates) {
      if (owner === null || sourceOf(owner) !== "acme") continue;
      if (!owner.options.hosts.includes(candidate) || !this.canOrder(candidate)) continue;
      return { store: this.#storeOf(owner), name: candidate };
    }
    return null;
  }

  /** Whether the name can have an automatic certificate: a wildcard only where DNS-01 is configured. */
  canOrder(name: string): boolean {
    // Authorities issue for addresses in certain profiles alone.
    if (isIpAddress(name)) return this.#settings.acme.profile !== "";
    if (!name.startsWith("*.")) return isOrderable(name);
    return isOrderable(name.slice(2)) && (this.#settings.dns?.covers(name) ?? false);
  }

  #updateStores(): void {
    for (const store of this.#stores.values()) {
      store.retain((name) => this.#storeServing(name) === store);
    }
  }

  /** The store that the name's certificate comes from; null when no service allows an order for it. */
  #storeServing(name: string): AutomaticCertificates | null {
    const service = this.#services.lookup(name);
    if (service === null || sourceOf(service) === "file") return null;
    const origin = this.#originOf(service, name);
    return origin?.name === name ? origin.store : null;
  }

  #storeOf({ options }: ServiceSnapshot): AutomaticCertificates {
    const known = this.#storeOfOptions.get(options);
    if (known !== undefined) return known;
    const { acme, clock, logger, defaultCachePath } = this.#settings;
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
          issuer: this.#issuer,
          logger,
          clock,
        }),
        profile: acme.profile,
        clock,
        logger,
        random: this.#random,
        changed: () => this.#tellChange(),
        failed: () => void this.#failedOrders++,
      });
      this.#stores.set(key, store);
    }
    this.#storeOfOptions.set(options, store);
    return store;
  }

  /** A directory that a service names is asked alone. */
  #authoritiesAt(directory: string): readonly AuthoritySettings[] {
    if (directory === "") return this.#settings.acme.authorities;
    return [{ key: directory, url: directory, externalAccount: null }];
  }

  /** A store that several proxies share takes the place of all folders. */
  #storageAt(folder: string): CertificateStorage {
    const { sharedStorage = null } = this.#settings;
    if (sharedStorage !== null) return sharedStorage;
    let storage = this.#folders.get(folder);
    if (storage === undefined) {
      storage = new FolderStorage(folder);
      this.#folders.set(folder, storage);
    }
    return storage;
  }

  /** Another proxy has written: its certificates are served here as well, and its validations answered. */
  async #takeOver(): Promise<void> {
    const stores = [...this.#stores.values()];
    await Promise.all([this.#challenges.reload(), ...stores.map((store) => store.reload())]);
  }

  /** A deploy forgets failures and asks for what is missing, without waiting for it. */
  #noteDeployments(served: Iterable<ServiceSnapshot>): void {
    const missing: AutomaticCertificate[] = [];
    for (const service of this.#background.newOf(served)) {
      if (sourceOf(service) === "file") continue;
      const certificates = this.#automaticOf(service);
      // A restart repairs nothing.
      if (!this.#background.restoring) {
        for (const certificate of certificates) certificate.forgetFailure();
      }
      if (sourceOf(service) === "acme") missing.push(...certificates);
    }
    this.#background.start(missing, (certificate) => {
      return this.#storeServing(certificate.name)?.find(certificate.name) === certificate;
    });
  }

  #automaticOf(service: ServiceSnapshot): AutomaticCertificate[] {
    const certificates = new Set<AutomaticCertificate>();
    for (const name of this.#namesOf(service)) {
      // Another service may have the name at the root path.
      const serving = this.#services.lookup(name);
      const origin = serving === service ? this.#originOf(service, name) : null;
      if (origin !== null) certificates.add(origin.store.certificate(origin.name));
    }
    return [...certificates];
  }
}

interface CertificateOrigin {
  store: AutomaticCertificates;
  /** May be the wildcard that stands for the name that was asked about. */
  name: string;
}
