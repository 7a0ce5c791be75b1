/**
 * Gives the certificate of every server name: from files, from a certificate authority, or on demand, and what
 * validations are to be answered. Follows the published services; workers ask it.
 */
import type { AcmeSettings } from "../../config/acme-settings.ts";
import type { ServiceOptions } from "../../config/options.ts";
import type { ServedCertificates } from "../../seam/certificates.ts";
import type { ChallengeAnswer } from "../../seam/data-plane.ts";
import type { ServiceSnapshot } from "../../seam/snapshot.ts";
import { normalHostName } from "../../lib/host-name.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Fetch } from "./acme/acme-http.ts";
import { AcmeIssuer } from "./acme/acme-issuer.ts";
import type { DnsChallenge } from "./acme/dns/dns-challenge.ts";
import type { AutomaticCertificate } from "./automatic/automatic-certificate.ts";
import { BackgroundFetches } from "./automatic/background-fetches.ts";
import { challengePathPrefix, ChallengeResponses } from "./automatic/challenge-responses.ts";
import type { CertificateStorage } from "./storage/certificate-storage.ts";
import type {
  CertificateKeyPair,
  HandshakeCertificates,
} from "../../seam/handshake-certificates.ts";
import type { CertificateIssuer } from "./acme/issuer.ts";
import { OrdersUnderWay } from "./automatic/orders-under-way.ts";
import type { CertificateDetails } from "./certificate-details.ts";
import { type AskTarget, OnDemandPolicy } from "./automatic/on-demand.ts";
import { StaticCertificates } from "./files/static-certificates.ts";
import { Preflight, type PreflightWays } from "./automatic/preflight.ts";
import { isOrderable, sourceOf, TlsServices } from "./tls-services.ts";
import { CertificateInventory, type CertificateStatus } from "./certificate-inventory.ts";
import { CertificateOrigins, notOrderable } from "./automatic/certificate-origins.ts";

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
  /** How it is looked before an order if an authority could reach this proxy; null: not at all. */
  preflight?: PreflightWays | null;
  /** Handshakes of a name under validation are to be answered in another way; resolves when they are. */
  challengesChanged?: () => Promise<void>;
  /** Services come from the last run, until `restored` is called. */
  restoring?: boolean;
}

const noWait = Promise.resolve();
const noSuchChallenge: ChallengeAnswer = { status: 404, body: "no such challenge\n" };

export class CertificateManager implements Omit<HandshakeCertificates, "lackRsa"> {
  onChange: (() => void) | null = null;
  readonly orders = new OrdersUnderWay();
  readonly #logger: Logger;
  readonly #challenges: ChallengeResponses;
  readonly #onDemand: OnDemandPolicy;
  readonly #background: BackgroundFetches;
  readonly #watch: Disposable | null;
  readonly #static: StaticCertificates;
  readonly #origins: CertificateOrigins;
  readonly #inventory: CertificateInventory;
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
    const { sharedStorage: shared = null, dns = null, preflight: ways = null } = settings;
    this.#logger = logger;
    this.#challenges = new ChallengeResponses({
      clock,
      shared,
      changed: () => settings.challengesChanged?.() ?? noWait,
    });
    this.#watch = shared?.watch(() => this.#takeOver()) ?? null;
    this.#static = new StaticCertificates({ clock, logger, changed: () => this.#tellChange() });
    this.#background = new BackgroundFetches(clock, settings.restoring ?? false);
    const challenges = this.#challenges;
    const issuer =
      settings.issuer ??
      new AcmeIssuer({ settings: acme, fetch, clock, challenges, dns, userAgent });
    this.#origins = new CertificateOrigins({
      clock,
      logger,
      random: settings.random ?? Math.random,
      acme,
      issuer,
      defaultCachePath: settings.defaultCachePath,
      sharedStorage: shared,
      dns,
      preflight: ways === null ? null : new Preflight(ways, challenges, clock),
      changed: () => this.#tellChange(),
      failed: () => void this.#failedOrders++,
      ordering: () => this.orders.begin(),
    });
    this.#inventory = new CertificateInventory(this.#static, this.#origins, clock);
    this.#onDemand = new OnDemandPolicy({ askTarget, fetch, caFiles: acme.caFiles, clock, logger });
  }

  /** Follows the services that are served from now on. To be called after each publication. */
  update(services: readonly ServiceSnapshot[]): void {
    if (this.#closed) return;
    const served = this.#follow(new TlsServices(services));
    this.#static.update(served.filter((service) => sourceOf(service) === "file"));
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
    return this.#inventory.withoutName();
  }

  defaultHost(): string | null {
    return this.#services.withoutName?.options.hosts[0] ?? null;
  }

  wantRsa(name: string): Promise<void> {
    return this.#origins.wantRsa(name);
  }

  isChallenge(name: string): boolean {
    return this.#challenges.certificate(name) !== undefined;
  }

  all(): Map<string, CertificateKeyPair> {
    return this.#inventory.all();
  }

  /** What handshakes can be answered with without asking; all other names are to be asked about. */
  served(): ServedCertificates {
    return {
      names: this.#inventory.served(),
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
    return { certificates: this.#inventory.describe(serviceName) };
  }

  /** What is known of each name of each service with TLS. */
  details(): CertificateDetails[] {
    return this.#inventory.details();
  }

  /** When each certificate expires, by name, in milliseconds since 1970. */
  expiries(): Map<string, number> {
    return this.#inventory.expiries();
  }

  canOrder(name: string): boolean {
    return this.#origins.canOrder(name);
  }

  /** For a deploy: what may keep the missing certificates of the service from being issued. */
  outlook(serviceName: string): Promise<string[]> {
    return this.#inventory.outlook(serviceName);
  }

  /** Since the start. */
  get failedOrders(): number {
    return this.#failedOrders;
  }

  /** Rejects with a CommandError when it can't be had. */
  renew(name: string): Promise<void> {
    return this.#origins.renew(name);
  }

  forget(name: string): Promise<void> {
    return this.#origins.forget(name);
  }

  /** Ends timers and gives up orders under way. */
  close(): void {
    this.#closed = true;
    this.#watch?.[Symbol.dispose]();
    this.#static.close();
    this.#background.close();
    this.#follow(new TlsServices([]));
    this.onChange = null;
  }

  async #answerOnDemand(service: ServiceSnapshot, name: string): Promise<ChallengeAnswer> {
    if (this.#origins.storeOf(service).find(name)?.isSettled) return noSuchChallenge;
    const denial = await this.#denial(service, name);
    // The reason, which has the endpoint's own words, is for the log: here anybody may ask.
    const body = `${name} is not allowed to get a certificate\n`;
    return denial === null ? noSuchChallenge : { status: 403, body };
  }

  /** The services with TLS. */
  #follow(services: TlsServices): ServiceSnapshot[] {
    this.#services = services;
    this.#inventory.update(services);
    this.#origins.update(services);
    return [...services.all()];
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
    const store = this.#origins.storeOf(service);
    if (store.find(name)?.isSettled) return await store.certificate(name).get();
    const denial = await this.#denial(service, name);
    // Another deploy may have taken the name away meanwhile.
    const isStillServed = this.#origins.storeServing(name) === store;
    if (denial !== null || !isStillServed)
      return this.#refuse(name, denial ?? "its service is gone");
    return await store.certificate(name).get();
  }

  /** What was issued once was allowed then, so it is not asked about again. */
  async #denial(service: ServiceSnapshot, name: string): Promise<string | null> {
    if (await this.#origins.storeOf(service).hasSaved(name)) return null;
    return await this.#onDemand.denial(service.name, service.options.tlsOnDemandUrl, name);
  }

  #refuse(host: string, reason: string): null {
    this.#logger.debug("Refused TLS handshake", { host, reason });
    return null;
  }

  /** For a handshake; null: refused. */
  #automatic(service: ServiceSnapshot, name: string): AutomaticCertificate | null {
    const origin = this.#origins.originOf(service, name);
    return origin?.store.certificate(origin.name) ?? this.#refuse(name, notOrderable);
  }

  /** Another proxy has written: its certificates are served here as well, and its validations answered. */
  async #takeOver(): Promise<void> {
    await Promise.all([this.#challenges.reload(), this.#origins.reload()]);
  }

  /** A deploy forgets failures and asks for what is missing, without waiting for it. */
  #noteDeployments(served: Iterable<ServiceSnapshot>): void {
    const missing: AutomaticCertificate[] = [];
    for (const service of this.#background.newOf(served)) {
      if (sourceOf(service) === "file") continue;
      const certificates = this.#inventory.automaticOf(service);
      // A restart repairs nothing.
      if (!this.#background.restoring) {
        for (const certificate of certificates) certificate.forgetFailure();
      }
      if (sourceOf(service) === "acme") missing.push(...certificates);
    }
    this.#background.start(missing, (certificate) => {
      return this.#origins.storeServing(certificate.name)?.find(certificate.name) === certificate;
    });
  }
}
