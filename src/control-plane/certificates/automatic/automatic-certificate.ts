/** The certificate of one name: obtained when it is first needed, renewed before it expires. */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import type { Clock, Timer } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { AcmeError } from "../acme/acme-error.ts";
import { describeError } from "../describe-error.ts";
import type { CertificateKeyPair } from "../../../seam/handshake-certificates.ts";
import type { IssuedCertificate, IssueRequest, PortChallenge } from "../acme/issuer.ts";
import { type KeyPair, readKeyPair } from "../key-pair.ts";
import {
  firstRenewalTimeMs,
  isWithin,
  renewalRetryDelayMs,
  renewalTimeMs,
  sleepMs,
} from "./renewal.ts";

export interface AutomaticCertificateSeams {
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** What the disk holds for the name, whatever its dates. Never rejects. */
  load: () => Promise<KeyPair | null>;
  save: (keyPair: KeyPair) => Promise<void>;
  issue: (
    request: Pick<IssueRequest, "privateKey" | "firstChallenge" | "signal" | "postponed">,
  ) => Promise<IssuedCertificate>;
  changed: () => void;
}

interface Failure {
  error: AcmeError;
  /** By the clock's `now`. */
  untilMs: number;
}

export class AutomaticCertificate {
  readonly name: string;
  readonly #seams: AutomaticCertificateSeams;
  readonly #closing = new AbortController();
  #current: KeyPair | null = null;
  #loaded = false;
  #loading: Promise<void> | null = null;
  #obtaining: Promise<void> | null = null;
  #failure: Failure | null = null;
  #lastError: string | null = null;
  #firstChallenge: PortChallenge = "http-01";
  #renewalTimer: Timer | null = null;

  constructor(name: string, seams: AutomaticCertificateSeams) {
    this.name = name;
    this.#seams = seams;
  }

  /** The certificate as it is, also an expired one; null: none yet. */
  get current(): KeyPair | null {
    return this.#current;
  }

  /** Why the last attempt failed, until one succeeds. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Whether a handshake would be answered without a new order. */
  get isSettled(): boolean {
    return this.#current !== null || this.#obtaining !== null || this.#rememberedFailure() !== null;
  }

  /** For a handshake: waits for the order when there is no certificate. Never rejects. */
  get(): CertificateKeyPair | null | Promise<CertificateKeyPair | null> {
    if (this.#isFresh()) return this.#current!.pair;
    if (this.#obtaining === null && this.#rememberedFailure() !== null) return this.#pair();
    return this.#obtain().then(
      () => this.#pair(),
      (error: unknown) => {
        // Whoever waited together fails together; the next ones fail at once for a while.
        if (!this.#closing.signal.aborted) this.#remember(asFailure(error));
        return this.#pair();
      },
    );
  }

  /** Takes what the disk has, without an order. Never rejects. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Obtains what is missing. A failure is left to the next handshake. */
  async fetchInBackground(): Promise<void> {
    if (this.#isFresh() || this.#rememberedFailure() !== null) return;
    try {
      await this.#obtain();
    } catch (error) {
      const { error: acmeError } = asFailure(error);
      // The authority named a time: that holds for handshakes as well.
      if (acmeError.retryAfterMs !== null) this.#remember(asFailure(error));
    }
  }

  /** A deploy may have repaired what was wrong, but not a time that the authority named. */
  forgetFailure(): void {
    if (this.#failure?.error.retryAfterMs === null) this.#failure = null;
  }

  /** Stops renewing and gives up what is under way. */
  close(): void {
    this.#renewalTimer?.cancel();
    this.#renewalTimer = null;
    this.#closing.abort(new AcmeError("unreachable", "no service has the name any more"));
  }

  #pair(): CertificateKeyPair | null {
    return this.#current?.pair ?? null;
  }

  #isFresh(): boolean {
    return this.#current !== null && isWithin(this.#current, this.#seams.clock.wallMs());
  }

  #rememberedFailure(): Failure | null {
    if (this.#failure !== null && this.#failure.untilMs <= this.#seams.clock.now()) {
      this.#failure = null;
    }
    return this.#failure;
  }

  #remember({ error }: { error: AcmeError }): void {
    this.#failure ??= { error, untilMs: this.#seams.clock.now() + error.memoryMs };
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
    }
    await this.#order();
  }

  async #load(): Promise<void> {
    const found = await this.#seams.load();
    this.#loaded = true;
    if (found === null || !isWithin(found, this.#seams.clock.wallMs())) return;
    this.#use(found, renewalTimeMs(found, this.#seams.random()));
  }

  async #order(): Promise<void> {
    const { clock, logger, random } = this.#seams;
    const startedMs = clock.now();
    logger.debug("Obtaining certificate", { host: this.name });
    try {
      const privateKey = renewableKey(this.#current) ?? newPrivateKey();
      const issued = await this.#seams.issue({
        privateKey,
        firstChallenge: this.#firstChallenge,
        signal: this.#closing.signal,
        postponed: (error, pauseMs) => this.#postponed(error, pauseMs),
      });
      const keyPair = readIssued(issued, privateKey, this.name);
      if (issued.challenge !== "dns-01") this.#firstChallenge = issued.challenge;
      this.#use(keyPair, firstRenewalTimeMs(keyPair, clock.wallMs(), random()));
      logger.info("Obtained certificate", {
        host: this.name,
        expires: new Date(keyPair.notAfterMs).toISOString(),
        challenge: issued.challenge,
        duration_ms: Math.round(clock.now() - startedMs),
      });
      await this.#save(keyPair);
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        this.#lastError = describeError(error);
        logger.error("Unable to obtain certificate", { host: this.name, error: this.#lastError });
      }
      throw error;
    }
  }

  /** Handshakes may wait for minutes: whoever looks for the reason must find it meanwhile. */
  #postponed(error: AcmeError, pauseMs: number): void {
    this.#lastError = describeError(error);
    this.#seams.logger.warn("Certificate is postponed", {
      host: this.name,
      error: this.#lastError,
      retry_ms: Math.round(pauseMs),
    });
  }

  /** A full disk must not keep a certificate from being served. */
  async #save(keyPair: KeyPair): Promise<void> {
    try {
      await this.#seams.save(keyPair);
    } catch (error) {
      this.#seams.logger.error("Unable to save certificate", {
        host: this.name,
        error: describeError(error),
      });
    }
  }

  #use(keyPair: KeyPair, renewAtMs: number): void {
    this.#current = keyPair;
    this.#failure = null;
    this.#lastError = null;
    this.#scheduleRenewal(renewAtMs);
    this.#seams.changed();
  }

  #scheduleRenewal(atMs: number): void {
    this.#renewalTimer?.cancel();
    if (this.#closing.signal.aborted) return;
    const { clock } = this.#seams;
    this.#renewalTimer = clock.after(sleepMs(atMs, clock.wallMs()), () => {
      if (clock.wallMs() < atMs) this.#scheduleRenewal(atMs);
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    try {
      await this.#obtain();
    } catch (error) {
      const { clock, random } = this.#seams;
      const nowMs = clock.wallMs();
      const delayMs = renewalRetryDelayMs(this.#current!, nowMs, random());
      const askedMs = error instanceof AcmeError ? (error.retryAfterMs ?? 0) : 0;
      this.#scheduleRenewal(nowMs + Math.max(delayMs, askedMs));
    }
  }
}

function asFailure(error: unknown): { error: AcmeError } {
  if (error instanceof AcmeError) return { error };
  return { error: new AcmeError("refused", describeError(error), { cause: error }) };
}

function readIssued(issued: IssuedCertificate, privateKey: string, name: string): KeyPair {
  const keyPair = readKeyPair(issued.certificate, privateKey);
  if (keyPair.covers(name)) return keyPair;
  throw new AcmeError("refused", "the authority issued a certificate for another name");
}

/** kamal-proxy expects EC keys where the renewed certificate is saved. */
function renewableKey(current: KeyPair | null): string | null {
  if (current === null) return null;
  const { privateKey } = current.pair;
  return createPrivateKey(privateKey).asymmetricKeyType === "ec" ? privateKey : null;
}

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
