/** The certificate of one name: obtained when it is first needed, renewed before it expires. */
import { certificateSavePatienceMs, minRenewalIntervalMs } from "../../../config/limits.ts";
import type { Clock, Timer } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { waitAtMost } from "../../../lib/sleep.ts";
import { AcmeError } from "../acme/acme-error.ts";
import { renewalId, type RenewalWindow } from "../acme/renewal-info.ts";
import type { StorageLock } from "../storage/certificate-storage.ts";
import { type CheckPreflight, FirstOrder } from "./first-order.ts";
import { asFailure, FailureMemory, type OrderFailures } from "./failure-memory.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";
import type { IssuedCertificate, IssueRequest, PortChallenge } from "../acme/issuer.ts";
import { type KeyPair, readKeyPair } from "../key-pair.ts";
import { keyForOrder, type OrderedKeyType } from "./certificate-keys.ts";
import {
  firstRenewalTimeMs,
  isWithin,
  latestRenewalMs,
  renewalRetryDelayMs,
  renewalTimeMs,
  sleepMs,
} from "./renewal.ts";

export interface AutomaticCertificateContext {
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** Of the certificates that are ordered. */
  keyType: OrderedKeyType;
  /** What the disk holds for the name, whatever its dates. Never rejects. */
  load: () => Promise<KeyPair | null>;
  save: (keyPair: KeyPair, lock: StorageLock | null) => Promise<void>;
  /** Held while a certificate is ordered; null: nobody else orders it. Rejects when it can't be had. */
  lock: (signal: AbortSignal) => Promise<StorageLock | null>;
  failures: OrderFailures;
  issue: (
    request: Pick<
      IssueRequest,
      "privateKey" | "replaces" | "firstChallenge" | "signal" | "postponed"
    >,
  ) => Promise<IssuedCertificate>;
  /** When the authority wants the certificate (PEM) renewed; null: it does not say. Never rejects. */
  renewalWindow: (certificate: string, signal: AbortSignal) => Promise<RenewalWindow | null>;
  /** Whether the authority could reach this proxy by the name; null: that plays no part. */
  preflight: CheckPreflight | null;
  changed: () => void;
  /** An order has failed. */
  failed: () => void;
  /** An order has begun. */
  ordering: () => Disposable;
}

export class AutomaticCertificate {
  readonly name: string;
  readonly #context: AutomaticCertificateContext;
  readonly #closing = new AbortController();
  #current: KeyPair | null = null;
  #loaded = false;
  #loading: Promise<void> | null = null;
  #obtaining: Promise<void> | null = null;
  readonly #failures: FailureMemory;
  readonly #firstOrder: FirstOrder;
  #lastError: string | null = null;
  /** Milliseconds since 1970; null: not in this run. */
  #lastErrorMs: number | null = null;
  #renewAtMs: number | null = null;
  #firstChallenge: PortChallenge = "http-01";
  #renewalTimer: Timer | null = null;
  #windowTimer: Timer | null = null;
  /** Chosen in the authority's window, and kept while the window holds it. */
  #windowAtMs: number | null = null;
  /** When it was last renewed ahead of its dates, since 1970. */
  #aheadMs = 0;

  constructor(name: string, context: AutomaticCertificateContext) {
    this.name = name;
    this.#context = context;
    const { clock, logger, failures, preflight } = context;
    this.#failures = new FailureMemory(clock, failures);
    this.#firstOrder = new FirstOrder({ name, clock, logger, check: preflight });
  }

  /** The certificate as it is, also an expired one; null: none yet. */
  get current(): KeyPair | null {
    return this.#current;
  }

  /** Why the last attempt failed, until one succeeds. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** When that was, in milliseconds since 1970; null: there was none in this run. */
  get lastErrorMs(): number | null {
    return this.#lastError === null ? null : this.#lastErrorMs;
  }

  /** Why an authority may not reach this proxy, as far as it was looked before the first order. */
  get preflight(): string | null {
    return this.#firstOrder.finding;
  }

  /** Looks whether one could, when there is no certificate. Never rejects. */
  async lookAhead(): Promise<void> {
    await this.load();
    if (this.#current === null) await this.#firstOrder.look();
  }

  /** Milliseconds since 1970; null: it is not there yet. */
  get renewAtMs(): number | null {
    return this.#current === null ? null : this.#renewAtMs;
  }

  /** Orders a new one although the present one is good. Rejects with the reason when it can't be had. */
  async renewNow(): Promise<void> {
    this.#failures.allowOne();
    this.#firstOrder.allowOne();
    if (this.#failures.holds)
      throw new AcmeError("busy", this.#lastError ?? "the authority is busy");
    this.#obtaining ??= this.#order().finally(() => {
      this.#obtaining = null;
    });
    await this.#obtaining;
  }

  /** Whether a handshake would be answered without a new order. */
  get isSettled(): boolean {
    return this.#current !== null || this.#obtaining !== null || this.#failures.holds;
  }

  /** For a handshake: waits for the order when there is no certificate. Never rejects. */
  get(): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    if (this.#isFresh()) return this.#current!.pair;
    if (this.#obtaining === null && this.#failures.holds) return this.#pair();
    return this.#obtain().then(
      () => this.#pair(),
      (error: unknown) => {
        // Whoever waited together fails together; the next ones fail at once for a while.
        if (!this.#closing.signal.aborted) this.#failures.remember(asFailure(error));
        return this.#pair();
      },
    );
  }

  /** Takes what the disk has, without an order. Never rejects. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Takes what another proxy has obtained meanwhile. Never rejects. */
  async reload(): Promise<void> {
    const found = await this.#context.load();
    const nowMs = this.#context.clock.wallMs();
    const oldMs = this.#current?.notAfterMs ?? 0;
    if (found === null || found.notAfterMs <= oldMs || !isWithin(found, nowMs)) return;
    this.#use(found, renewalTimeMs(found, this.#context.random()));
  }

  /** Obtains what is missing. A failure is left to the next handshake, but for one that authorities count. */
  async fetchInBackground(): Promise<void> {
    if (this.#isFresh() || this.#failures.holds) return;
    try {
      await this.#obtain();
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failures.remember(asFailure(error), true);
    }
  }

  /** A deploy may have repaired what was wrong, but not a time that the authority named. */
  forgetFailure(): void {
    this.#failures.allowOne();
  }

  /** Stops renewing and gives up what is under way. */
  close(): void {
    this.#renewalTimer?.cancel();
    this.#renewalTimer = null;
    this.#windowTimer?.cancel();
    this.#closing.abort(new AcmeError("unreachable", "no service has the name any more"));
  }

  #pair(): CertificateKeyPair | null {
    return this.#current?.pair ?? null;
  }

  #isFresh(): boolean {
    return this.#current !== null && isWithin(this.#current, this.#context.clock.wallMs());
  }

  /** One at a time, however many wait. */
  #obtain(): Promise<void> {
    this.#obtaining ??= this.#loadOrOrder().finally(() => {
      this.#obtaining = null;
    });
    return this.#obtaining;
  }

  async #loadOrOrder(): Promise<void> {
    if (!this.#loaded) {
      await this.load();
      if (this.#isFresh()) return;
      if (this.#failures.holds)
        throw new AcmeError("refused", this.#lastError ?? "it failed before");
    }
    await this.#order();
  }

  async #load(): Promise<void> {
    const [found, reason] = await Promise.all([this.#context.load(), this.#failures.load()]);
    this.#loaded = true;
    this.#lastError ??= reason;
    if (found === null || !isWithin(found, this.#context.clock.wallMs())) return;
    this.#use(found, renewalTimeMs(found, this.#context.random()));
  }

  async #order(): Promise<void> {
    using _ = this.#context.ordering();
    const { clock, logger, random } = this.#context;
    const startedMs = clock.now();
    logger.debug("Obtaining certificate", { host: this.name });
    try {
      const before = this.#current;
      const seen = before === null ? await this.#firstOrder.begin() : null;
      await using lock = await this.#context.lock(this.#closing.signal);
      if (lock !== null) await this.reload();
      // Another proxy has obtained it while this one waited.
      if (this.#current !== before) return;
      logger.debug("Ordering certificate", { host: this.name });
      const privateKey = await keyForOrder(this.#current, this.#context.keyType);
      const issued = await this.#context.issue({
        privateKey,
        replaces: before === null ? null : renewalId(before.pair.certificate),
        firstChallenge: seen?.verdict === "closed" ? "tls-alpn-01" : this.#firstChallenge,
        signal: this.#closing.signal,
        postponed: (error, pauseMs) => this.#postponed(error, pauseMs),
      });
      const keyPair = readIssued(issued, privateKey, this.name);
      if (issued.challenge !== "dns-01") this.#firstChallenge = issued.challenge;
      // Whoever has seen it finds it after a crash, too.
      await waitAtMost(clock, certificateSavePatienceMs, this.#save(keyPair, lock));
      this.#use(keyPair, firstRenewalTimeMs(keyPair, clock.wallMs(), random()));
      logger.info("Obtained certificate", {
        host: this.name,
        key: keyPair.keyType,
        expires: new Date(keyPair.notAfterMs).toISOString(),
        challenge: issued.challenge,
        duration_ms: Math.round(clock.now() - startedMs),
      });
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        this.#lastError = messageWithCause(error);
        this.#lastErrorMs = clock.wallMs();
        if (!(error instanceof AcmeError && error.kind === "held")) this.#context.failed();
        logger.error("Unable to obtain certificate", { host: this.name, error: this.#lastError });
      }
      throw error;
    }
  }

  /** Handshakes may wait for minutes: whoever looks for the reason must find it meanwhile. */
  #postponed(error: AcmeError, pauseMs: number): void {
    this.#lastError = messageWithCause(error);
    this.#context.logger.warn("Certificate is postponed", {
      host: this.name,
      error: this.#lastError,
      retry_ms: Math.round(pauseMs),
    });
  }

  /** A full disk must not keep a certificate from being served. */
  async #save(keyPair: KeyPair, lock: StorageLock | null): Promise<void> {
    try {
      await this.#context.save(keyPair, lock);
    } catch (error) {
      this.#context.logger.error("Unable to save certificate", {
        host: this.name,
        error: messageWithCause(error),
      });
    }
  }

  #use(keyPair: KeyPair, renewAtMs: number): void {
    this.#current = keyPair;
    this.#failures.forget();
    this.#firstOrder.done();
    this.#lastError = null;
    this.#windowTimer?.cancel();
    this.#windowAtMs = null;
    this.#scheduleRenewal(renewAtMs);
    void this.#followWindow(keyPair);
    this.#context.changed();
  }

  /** The authority's word counts more than the dates: it may revoke soon, or spread its load. */
  async #followWindow(keyPair: KeyPair): Promise<void> {
    const { clock, random, renewalWindow } = this.#context;
    const window = await renewalWindow(keyPair.pair.certificate, this.#closing.signal);
    if (window === null || this.#current !== keyPair || this.#closing.signal.aborted) return;
    const { holdsMs } = window;
    // However late the authority would have it, there must be time for another try.
    const latestMs = latestRenewalMs(keyPair);
    const startMs = Math.min(window.startMs, latestMs);
    const endMs = Math.min(window.endMs, latestMs);
    const known = this.#windowAtMs;
    const atMs =
      known !== null && known >= startMs && known <= endMs
        ? known
        : startMs + random() * (endMs - startMs);
    this.#windowAtMs = atMs;
    // One whose windows are always in the past would have it ordered without end.
    const againMs = Math.min(this.#aheadMs + minRenewalIntervalMs, latestMs);
    this.#scheduleRenewal(Math.max(atMs, clock.wallMs(), againMs));
    this.#windowTimer?.cancel();
    this.#windowTimer = clock.after(holdsMs, () => void this.#followWindow(keyPair));
  }

  #scheduleRenewal(atMs: number): void {
    this.#renewalTimer?.cancel();
    this.#renewAtMs = atMs;
    if (this.#closing.signal.aborted) return;
    const { clock } = this.#context;
    this.#renewalTimer = clock.after(sleepMs(atMs, clock.wallMs()), () => {
      if (clock.wallMs() < atMs) this.#scheduleRenewal(atMs);
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    if (this.#windowAtMs !== null) this.#aheadMs = this.#context.clock.wallMs();
    try {
      await this.#obtain();
    } catch (error) {
      const { clock, random } = this.#context;
      const nowMs = clock.wallMs();
      const delayMs = renewalRetryDelayMs(this.#current!, nowMs, random());
      const askedMs = error instanceof AcmeError ? (error.retryAfterMs ?? 0) : 0;
      this.#scheduleRenewal(nowMs + Math.max(delayMs, askedMs));
    }
  }
}

function readIssued(issued: IssuedCertificate, privateKey: string, name: string): KeyPair {
  const keyPair = readKeyPair(issued.certificate, privateKey);
  if (keyPair.covers(name)) return keyPair;
  throw new AcmeError("refused", "the authority issued a certificate for another name");
}
