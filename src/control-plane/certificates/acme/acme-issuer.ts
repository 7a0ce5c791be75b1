/**
 * Orders certificates by ACME (RFC 8555). Together with the order it is all that knows `acme-client`,
 * which signs the messages; sending, deadlines, errors, repeats and waiting are done here.
 */
import { isIpAddress } from "../../../lib/ip-address.ts";
import type { Client } from "acme-client";
import { acmeIssuanceTimeoutMs } from "../../../config/limits.ts";
import type { AcmeSettings } from "../../../config/acme-settings.ts";
import type { Clock } from "../../../lib/clock.ts";
import { OncePerKey } from "../../../lib/once-per-key.ts";
import { AcmeCalls, asAcmeError } from "./acme-calls.ts";
import { AcmeError } from "./acme-error.ts";
import {
  type AcmeModule,
  AcmeOrder,
  type AcmeOrderContext,
  ValidationError,
} from "./acme-order.ts";
import { RenewalInfo, type RenewalWindow } from "./renewal-info.ts";
import { AcmeHttp, type AcmeResponse, type Fetch } from "./acme-http.ts";
import type {
  CertificateIssuer,
  ChallengeType,
  IssuedCertificate,
  IssueRequest,
} from "./issuer.ts";

export interface AcmeIssuerSettings extends AcmeOrderContext {
  settings: AcmeSettings;
  fetch: Fetch;
  clock: Clock;
  userAgent: string;
}

/** How often the library repeats a request for a bad nonce. */
const maxBadNonces = 5;

export class AcmeIssuer implements CertificateIssuer {
  readonly #settings: AcmeIssuerSettings;
  readonly #http: AcmeHttp;
  readonly #renewalInfo: RenewalInfo;
  /** Account URLs by directory and account key. */
  readonly #accounts = new Map<string, string>();
  readonly #registrations = new OncePerKey<string, string>();

  constructor(settings: AcmeIssuerSettings) {
    this.#settings = settings;
    const { fetch, clock, userAgent } = settings;
    this.#http = new AcmeHttp({ fetch, clock, userAgent, caFiles: settings.settings.caFiles });
    this.#renewalInfo = new RenewalInfo(this.#http, clock);
  }

  async renewalWindow(
    directoryUrl: string,
    certificate: string,
    signal: AbortSignal,
  ): Promise<RenewalWindow | null> {
    return await this.#renewalInfo.windowOf(directoryUrl, certificate, signal);
  }

  async issue(request: IssueRequest): Promise<IssuedCertificate> {
    const { clock } = this.#settings;
    const timeUp = new AbortController();
    const timer = clock.after(acmeIssuanceTimeoutMs, () => {
      timeUp.abort(new AcmeError("unreachable", "the certificate was not issued in time"));
    });
    const signal = AbortSignal.any([request.signal, timeUp.signal]);
    try {
      // It takes a moment and some memory to load, which only automatic certificates are worth.
      const acme = await import("acme-client");
      return await this.#issueWithAny(
        acme,
        { ...request, signal },
        clock.runningMs() + acmeIssuanceTimeoutMs,
      );
    } catch (error) {
      throw timeUp.signal.aborted ? timeUp.signal.reason : asAcmeError(error);
    } finally {
      timer.cancel();
    }
  }

  /** A failed validation ends its order (RFC 8555 7.1.6): each way needs a new one. */
  async #issueWithAny(
    acme: AcmeModule,
    request: IssueRequest,
    deadlineMs: number,
  ): Promise<IssuedCertificate> {
    const reasons: string[] = [];
    let cause: unknown;
    for (const challenge of this.#waysFor(request)) {
      try {
        return await this.#withAccount(acme, request, deadlineMs, (client, calls) =>
          new AcmeOrder(acme, client, calls, request, this.#settings).complete(challenge),
        );
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        reasons.push(error.message);
        cause = error;
      }
    }
    throw new AcmeError("invalid", reasons.join("; "), { cause });
  }

  /** Only DNS-01 proves a wildcard (RFC 8555 7.1.3 leaves it to the CA; all of them ask for it). */
  #waysFor({ name, firstChallenge }: IssueRequest): ChallengeType[] {
    const { dns } = this.#settings;
    const other = firstChallenge === "http-01" ? "tls-alpn-01" : "http-01";
    // TLS-ALPN-01 has a server name, which addresses have not (RFC 8738 6 needs a reversed one).
    const atPorts: ChallengeType[] = name.startsWith("*.")
      ? []
      : isIpAddress(name)
        ? ["http-01"]
        : [firstChallenge, other];
    return dns?.covers(name) ? ["dns-01", ...atPorts] : [...atPorts];
  }

  /** A remembered account that the authority does not know any more is registered again. */
  async #withAccount<T>(
    acme: AcmeModule,
    request: IssueRequest,
    deadlineMs: number,
    work: (client: Client, calls: AcmeCalls) => Promise<T>,
  ): Promise<T> {
    const { signal, postponed } = request;
    const calls = new AcmeCalls({ clock: this.#settings.clock, deadlineMs, signal, postponed });
    const key = `${request.directoryUrl}\n${request.accountKey}`;
    for (let attempt = 1; ; attempt++) {
      const known = this.#accounts.get(key);
      const accountUrl =
        known ?? (await this.#registrations.run(key, () => this.#register(acme, request, calls)));
      this.#accounts.set(key, accountUrl);
      try {
        return await work(this.#createClient(acme, request, accountUrl), calls);
      } catch (error) {
        const isForgotten =
          error instanceof AcmeError && error.problem === "accountDoesNotExist" && attempt === 1;
        if (!isForgotten || known === undefined) throw error;
        this.#accounts.delete(key);
      }
    }
  }

  /** An account that exists for the key is returned as it is. */
  async #register(acme: AcmeModule, request: IssueRequest, calls: AcmeCalls): Promise<string> {
    const { email } = this.#settings.settings;
    const client = this.#createClient(acme, request);
    await calls.run("newAccount", () =>
      internalsOf(client).api.createAccount({
        termsOfServiceAgreed: true,
        ...(email === "" ? {} : { contact: [`mailto:${email}`] }),
      }),
    );
    return client.getAccountUrl();
  }

  #createClient(acme: AcmeModule, request: IssueRequest, accountUrl?: string): Client {
    const { externalAccount } = request;
    const client = new acme.Client({
      directoryUrl: request.directoryUrl,
      accountKey: request.accountKey,
      ...(accountUrl === undefined ? {} : { accountUrl }),
      ...(externalAccount === null
        ? {}
        : {
            externalAccountBinding: {
              kid: externalAccount.keyId,
              hmacKey: externalAccount.hmacKey,
            },
          }),
    });
    let badNonces = 0;
    internalsOf(client).http.request = async (url, method, options) => {
      const response = await this.#http.request(url, method, options?.data, request.signal);
      if (method === "post") badNonces = response.status < 400 ? 0 : badNonces + 1;
      // The library repeats at once, so often; after that a pause may help.
      if (badNonces <= maxBadNonces) return response;
      badNonces = 0;
      throw new AcmeError("busy", `${new URL(url).origin} refused nonce after nonce`);
    };
    return client;
  }
}

/** What the library's types leave out. Its own way of sending has no deadline and hides what went wrong. */
interface ClientInternals {
  http: {
    request(url: string, method: string, options?: { data?: unknown }): Promise<AcmeResponse>;
  };
  /** Unlike the public method it sends no update for an account that exists. */
  api: { createAccount(data: object): Promise<unknown> };
}

function internalsOf(client: Client): ClientInternals {
  return client as unknown as ClientInternals;
}
