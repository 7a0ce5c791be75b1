/** The authorities that certificates of one store come from: the next one is asked where one fails. */
import { generateKeyPairSync } from "node:crypto";
import type { AuthoritySettings } from "../../../config/acme-settings.ts";
import { acmeIssuanceTimeoutMs, maxRetryAfterMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { OncePerKey } from "../../../lib/once-per-key.ts";
import { sleep } from "../../../lib/sleep.ts";
import { AcmeError } from "../acme/acme-error.ts";
import type { CertificateIssuer, IssuedCertificate, IssueRequest } from "../acme/issuer.ts";
import type { RenewalWindow } from "../acme/renewal-info.ts";
import { messageWithCause } from "../../../lib/error-text.ts";
import { CertificateCache } from "../storage/certificate-cache.ts";
import type { CertificateStorage } from "../storage/certificate-storage.ts";

/** No host has such a name: failures of hosts are beside it. */
const accountName = "acme_account";

/** What is the same whoever is asked. */
export type OrderRequest = Omit<IssueRequest, "directoryUrl" | "accountKey" | "externalAccount">;

export interface AuthoritiesContext {
  authorities: readonly AuthoritySettings[];
  storage: CertificateStorage;
  issuer: CertificateIssuer;
  logger: Logger;
  clock: Clock;
}

export class Authorities {
  readonly #context: AuthoritiesContext;
  readonly #accountKeys = new Map<string, string>();
  /** By directory: nothing is ordered there before. */
  readonly #limits = new Map<string, { untilMs: number; reason: string }>();
  readonly #loading = new OncePerKey<string, string>();

  constructor(context: AuthoritiesContext) {
    this.#context = context;
  }

  /** Rejects with an AcmeError that has the reasons of all of them. */
  async issue(request: OrderRequest): Promise<IssuedCertificate> {
    const { authorities, issuer, logger } = this.#context;
    const errors: AcmeError[] = [];
    for (const [index, { key, url, externalAccount }] of authorities.entries()) {
      if (errors.length > 0) {
        const { message } = errors.at(-1)!;
        const fields = { host: request.name, error: message, next: url };
        logger.warn("Certificate authority failed, asking the next one", fields);
      }
      const isLast = index === authorities.length - 1;
      const held = await this.#turnOf(key, request, isLast ? acmeIssuanceTimeoutMs : 0);
      if (held !== null) {
        errors.push(held);
        continue;
      }
      const accountKey = await this.#accountKey(key, request.signal);
      try {
        // Another authority knows nothing of the certificate that is replaced.
        const { replaces: first, ...rest } = request;
        const replaces = errors.length === 0 ? first : null;
        return await issuer.issue({
          ...rest,
          replaces,
          directoryUrl: url,
          accountKey,
          externalAccount,
          // The issuer waits by itself, and meanwhile nobody else may ask.
          postponed: (error, pauseMs) => {
            void this.#noteLimit(key, error);
            request.postponed(error, pauseMs);
          },
        });
      } catch (error) {
        if (!(error instanceof AcmeError) || request.signal.aborted) throw error;
        await this.#noteLimit(key, error);
        errors.push(error);
      }
    }
    throw errors.length === 1 ? errors[0]! : joined(errors, authorities);
  }

  /** When one of them wants the certificate renewed; null: none says anything. Never rejects. */
  async renewalWindow(certificate: string, signal: AbortSignal): Promise<RenewalWindow | null> {
    const { authorities, issuer } = this.#context;
    for (const { url } of authorities) {
      const window = await issuer.renewalWindow(url, certificate, signal);
      if (window !== null) return window;
    }
    return null;
  }

  /** What an authority says of too many requests is for the account, whatever name they were for. */
  async #noteLimit(directory: string, error: AcmeError): Promise<void> {
    if (error.problem !== "rateLimited" || error.retryAfterMs === null) return;
    const { clock, storage, logger } = this.#context;
    const limit = { untilMs: clock.wallMs() + error.retryAfterMs, reason: error.message };
    this.#limits.set(directory, limit);
    try {
      await new CertificateCache(storage, directory).writeFailure(accountName, {
        count: 0,
        ...limit,
      });
    } catch (cause) {
      const fields = { path: storage.place, error: messageWithCause(cause) };
      logger.debug("Unable to keep the limit of an account", fields);
    }
  }

  /** Null: now it may be asked; else why it would take longer than so long. */
  async #turnOf(
    directory: string,
    { signal, postponed }: OrderRequest,
    patienceMs: number,
  ): Promise<AcmeError | null> {
    const { clock } = this.#context;
    const untilMs = clock.runningMs() + patienceMs;
    for (;;) {
      const held = await this.#heldBack(directory);
      const leftMs = held?.retryAfterMs ?? 0;
      if (held === null || clock.runningMs() + leftMs > untilMs) return held;
      postponed(held, leftMs);
      await sleep(clock, leftMs, signal);
    }
  }

  /** By what this proxy was told, or an earlier run, or another one that has the same account. */
  async #heldBack(directory: string): Promise<AcmeError | null> {
    const { clock, storage } = this.#context;
    const kept = await new CertificateCache(storage, directory).readFailure(accountName);
    for (const limit of [this.#limits.get(directory), kept]) {
      const leftMs = Math.min((limit?.untilMs ?? 0) - clock.wallMs(), maxRetryAfterMs);
      if (limit && leftMs > 0) {
        const details = { problem: "rateLimited", retryAfterMs: leftMs };
        return new AcmeError("busy", limit.reason, details);
      }
    }
    return null;
  }

  async #accountKey(directory: string, signal: AbortSignal): Promise<string> {
    const known = this.#accountKeys.get(directory);
    if (known !== undefined) return known;
    const key = await this.#loading.run(directory, () => this.#loadAccountKey(directory, signal));
    this.#accountKeys.set(directory, key);
    return key;
  }

  /** Several proxies share one account, so only one of them makes it. */
  async #loadAccountKey(directory: string, signal: AbortSignal): Promise<string> {
    const { storage, logger } = this.#context;
    const cache = new CertificateCache(storage, directory);
    const before = await cache.readAccountKey();
    if (before !== null) return before;
    await using lock = await cache.lock("account", signal);
    const saved = lock === null ? null : await cache.readAccountKey();
    if (saved !== null) return saved;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    try {
      await cache.writeAccountKey(key, lock ?? undefined);
    } catch (error) {
      const fields = { path: storage.place, error: messageWithCause(error) };
      logger.error("Unable to save the ACME account key", fields);
    }
    return key;
  }
}

/** A name that one could not validate is left alone as long as if all could not. */
function joined(
  errors: readonly AcmeError[],
  authorities: readonly AuthoritySettings[],
): AcmeError {
  const kinds = ["invalid", "busy", "refused", "unreachable"] as const;
  const kind = kinds.find((one) => errors.some((error) => error.kind === one))!;
  const retries = errors.map(({ retryAfterMs }) => retryAfterMs);
  const reasons = errors.map(
    ({ message }, index) => `${hostOf(authorities[index]!.url)}: ${message}`,
  );
  return new AcmeError(kind, reasons.join("; "), {
    retryAfterMs: retries.every((ms) => ms !== null) ? Math.min(...retries) : null,
    cause: errors.at(-1),
  });
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
