/**
 * Orders certificates by ACME (RFC 8555). The only file that knows `acme-client`, which signs the
 * messages; sending, deadlines, errors, repeats and waiting are done here.
 */
import type * as Acme from "acme-client";
import type { Authorization, Client, Order } from "acme-client";
import { acmeIssuanceTimeoutMs } from "../../../config/defaults.ts";
import type { AcmeSettings } from "../../../config/acme-settings.ts";
import type { Clock } from "../../../lib/clock.ts";
import { OncePerKey } from "../../../lib/once-per-key.ts";
import { AcmeCalls, asAcmeError } from "./acme-calls.ts";
import { AcmeError } from "./acme-error.ts";
import { AcmeHttp, type AcmeResponse, type Fetch, readProblem } from "./acme-http.ts";
import type { ChallengeResponses } from "../automatic/challenge-responses.ts";
import type {
  CertificateIssuer,
  ChallengeType,
  IssuedCertificate,
  IssueRequest,
} from "./issuer.ts";

export interface AcmeIssuerSettings {
  settings: AcmeSettings;
  fetch: Fetch;
  clock: Clock;
  challenges: ChallengeResponses;
  userAgent: string;
}

/** How often the library repeats a request for a bad nonce. */
const maxBadNonces = 5;

type AcmeModule = typeof Acme;
type Challenge = Authorization["challenges"][number];

export class AcmeIssuer implements CertificateIssuer {
  readonly #settings: AcmeIssuerSettings;
  readonly #http: AcmeHttp;
  /** Account URLs by directory and account key. */
  readonly #accounts = new Map<string, string>();
  readonly #registrations = new OncePerKey<string, string>();

  constructor(settings: AcmeIssuerSettings) {
    this.#settings = settings;
    const { fetch, clock, userAgent } = settings;
    this.#http = new AcmeHttp({ fetch, clock, userAgent, caFiles: settings.settings.caFiles });
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
      return await this.#issueWithEither(
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

  async #issueWithEither(
    acme: AcmeModule,
    request: IssueRequest,
    deadlineMs: number,
  ): Promise<IssuedCertificate> {
    const first = request.firstChallenge;
    const second: ChallengeType = first === "http-01" ? "tls-alpn-01" : "http-01";
    const attempt = (challenge: ChallengeType): Promise<IssuedCertificate> =>
      this.#withAccount(acme, request, deadlineMs, (client, calls) =>
        new AcmeOrder(acme, client, calls, request, this.#settings.challenges).complete(challenge),
      );
    try {
      return await attempt(first);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      // A failed validation ends its order (RFC 8555 7.1.6): the other way needs a new one.
      try {
        return await attempt(second);
      } catch (secondError) {
        if (!(secondError instanceof ValidationError)) throw secondError;
        throw new AcmeError("refused", `${error.message}; ${secondError.message}`, {
          cause: secondError,
        });
      }
    }
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
    const { externalAccount } = this.#settings.settings;
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

/** The authority looked at the answer to a challenge and did not like it. */
class ValidationError extends AcmeError {
  constructor(challenge: ChallengeType, reason: string) {
    super("refused", `${challenge}: ${reason}`);
  }
}

/** One order, from its creation to the certificate. */
class AcmeOrder {
  readonly #acme: AcmeModule;
  readonly #client: Client;
  readonly #calls: AcmeCalls;
  readonly #request: IssueRequest;
  readonly #challenges: ChallengeResponses;

  constructor(
    acme: AcmeModule,
    client: Client,
    calls: AcmeCalls,
    request: IssueRequest,
    challenges: ChallengeResponses,
  ) {
    this.#acme = acme;
    this.#client = client;
    this.#calls = calls;
    this.#request = request;
    this.#challenges = challenges;
  }

  async complete(challenge: ChallengeType): Promise<IssuedCertificate> {
    const { name } = this.#request;
    const created = await this.#calls.run("newOrder", () =>
      this.#client.createOrder({ identifiers: [{ type: "dns", value: name }] }),
    );
    let used = challenge;
    const authorizations = await this.#calls.run("authorization", () =>
      this.#client.getAuthorizations(created),
    );
    for (const authorization of authorizations) {
      if (authorization.status !== "valid") used = await this.#authorize(authorization, challenge);
    }
    const ready = await this.#waitForOrder(created, ["pending"]);
    const finalized = ready.status === "ready" ? await this.#finalize(ready) : ready;
    const valid = await this.#waitForOrder(finalized, ["pending", "ready", "processing"]);
    const certificate = await this.#calls.run("certificate", () =>
      this.#client.getCertificate(valid),
    );
    return { certificate, challenge: used };
  }

  /** Resolves with the kind of challenge that was met. */
  async #authorize(authorization: Authorization, preferred: ChallengeType): Promise<ChallengeType> {
    const challenge = chooseChallenge(authorization, preferred);
    const keyAuthorization = await this.#client.getChallengeKeyAuthorization(challenge);
    using answer =
      challenge.type === "http-01"
        ? this.#challenges.answerHttp(challenge.token, keyAuthorization)
        : await this.#answerTls(authorization, keyAuthorization);
    void answer;
    await this.#calls.run("challenge", () => this.#client.completeChallenge(challenge));
    const result = await this.#calls.poll(
      () => this.#readAuthorization(authorization.url),
      ({ status }) => status === "pending",
    );
    if (result.status === "valid") return challenge.type as ChallengeType;
    throw new ValidationError(challenge.type as ChallengeType, describeFailure(result));
  }

  async #answerTls(authorization: Authorization, keyAuthorization: string): Promise<Disposable> {
    // With its own key, an RSA one: the certificate may not be used for signatures by its KeyUsage,
    // which BoringSSL forgives RSA keys alone.
    const [privateKey, certificate] = await this.#acme.crypto.createAlpnCertificate(
      authorization,
      keyAuthorization,
    );
    return await this.#challenges.answerTls(this.#request.name, {
      certificate: certificate.toString(),
      privateKey: privateKey.toString(),
    });
  }

  async #readAuthorization(url: string): Promise<Authorization> {
    const request = { authorizations: [url] } as Order;
    const [authorization] = await this.#calls.run("authorization", () =>
      this.#client.getAuthorizations(request),
    );
    return authorization!;
  }

  async #finalize(order: Order): Promise<Order> {
    const { name, privateKey } = this.#request;
    // A common name has 64 characters at most (RFC 5280 A.1); it is optional.
    const commonName = name.length <= 64 ? { commonName: name } : {};
    const [, csr] = await this.#acme.crypto.createCsr(
      { ...commonName, altNames: [name] },
      privateKey,
    );
    return await this.#calls.run("finalize", () => this.#client.finalizeOrder(order, csr));
  }

  /** The order's address is known since its creation, whatever a later answer leaves out. */
  async #waitForOrder(order: Order, unfinished: readonly string[]): Promise<Order> {
    if (order.status === "valid") return order;
    const result = await this.#calls.poll(
      () => this.#calls.run("order", () => this.#client.getOrder(order)),
      ({ status }) => unfinished.includes(status),
    );
    if (result.status !== "invalid") return result;
    const { type, detail } = readProblem((result as { error?: unknown }).error);
    const reason = detail || type || "without a reason";
    throw new AcmeError("refused", `the order was refused: ${reason}`);
  }
}

/** What the authority does not offer can't be chosen; either suffices. */
function chooseChallenge(authorization: Authorization, preferred: ChallengeType): Challenge {
  const usable = authorization.challenges.filter(
    ({ type, status }) => isSupported(type) && status !== "invalid",
  );
  const challenge = usable.find(({ type }) => type === preferred) ?? usable[0];
  if (challenge !== undefined) return challenge;
  throw new AcmeError("refused", "the authority offers neither http-01 nor tls-alpn-01");
}

function describeFailure(authorization: Authorization): string {
  for (const challenge of authorization.challenges) {
    const { type, detail } = readProblem((challenge as { error?: unknown }).error);
    if (detail !== "" || type !== "") return [type, detail].filter(Boolean).join(": ");
  }
  return `the authorization is ${authorization.status}`;
}

function isSupported(type: string): type is ChallengeType {
  return type === "http-01" || type === "tls-alpn-01";
}
