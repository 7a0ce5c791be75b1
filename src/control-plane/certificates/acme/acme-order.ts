/** One order at a certificate authority (RFC 8555 7.4), from its creation to the certificate. */
import { maxAcmeAuthorizations } from "../../../config/limits.ts";
import { isIpAddress } from "../../../lib/ip-address.ts";
import type * as Acme from "acme-client";
import type { Authorization, Client, Order } from "acme-client";
import type { ChallengeResponses } from "../automatic/challenge-responses.ts";
import type { AcmeCalls } from "./acme-calls.ts";
import { AcmeError } from "./acme-error.ts";
import { readProblem } from "./acme-http.ts";
import type { DnsChallenge } from "./dns/dns-challenge.ts";
import { DnsProviderError } from "./dns/dns-provider.ts";
import type { ChallengeType, IssuedCertificate, IssueRequest } from "./issuer.ts";

export type AcmeModule = typeof Acme;
type Challenge = Authorization["challenges"][number];

const replacementFaults: ReadonlySet<string> = new Set(["alreadyReplaced", "malformed"]);

/** Who answers the authority's questions. */
export interface AcmeOrderContext {
  challenges: ChallengeResponses;
  /** Null: no DNS provider is configured. */
  dns: DnsChallenge | null;
}

/** The authority looked at the answer to a challenge and did not like it. */
export class ValidationError extends AcmeError {
  constructor(challenge: ChallengeType, reason: string) {
    super("invalid", `${challenge}: ${reason}`);
  }
}

/** One order, from its creation to the certificate. */
export class AcmeOrder {
  readonly #acme: AcmeModule;
  readonly #client: Client;
  readonly #calls: AcmeCalls;
  readonly #request: IssueRequest;
  readonly #challenges: ChallengeResponses;
  readonly #dns: DnsChallenge | null;

  constructor(
    acme: AcmeModule,
    client: Client,
    calls: AcmeCalls,
    request: IssueRequest,
    { challenges, dns }: AcmeOrderContext,
  ) {
    this.#acme = acme;
    this.#client = client;
    this.#calls = calls;
    this.#request = request;
    this.#challenges = challenges;
    this.#dns = dns;
  }

  async complete(challenge: ChallengeType): Promise<IssuedCertificate> {
    const created = await this.#create();
    const { length } = created.authorizations ?? [];
    if (length > maxAcmeAuthorizations) {
      throw new AcmeError("refused", `the order asks for ${length} authorizations of one name`);
    }
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

  /** The library passes on what it does not know: profile and the certificate that is replaced. */
  async #create(): Promise<Order> {
    const { name, profile, replaces } = this.#request;
    const order = {
      identifiers: [{ type: isIpAddress(name) ? "ip" : "dns", value: name }],
      ...(profile === "" ? {} : { profile }),
    };
    let more = replaces === null ? {} : { replaces };
    return await this.#calls.run("newOrder", async () => {
      try {
        return await this.#client.createOrder({ ...order, ...more });
      } catch (error) {
        if (!("replaces" in more) || !isForReplacement(error)) throw error;
        more = {};
        return await this.#client.createOrder(order);
      }
    });
  }

  /** Resolves with the kind of challenge that was met. */
  async #authorize(authorization: Authorization, preferred: ChallengeType): Promise<ChallengeType> {
    const challenge = chooseChallenge(authorization, preferred);
    await using answer = await this.#answer(authorization, challenge);
    void answer;
    await this.#calls.run("challenge", () => this.#client.completeChallenge(challenge));
    const result = await this.#calls.poll(
      () => this.#readAuthorization(authorization.url),
      ({ status }) => status === "pending",
    );
    if (result.status === "valid") return challenge.type as ChallengeType;
    throw new ValidationError(challenge.type as ChallengeType, describeFailure(result));
  }

  /** Answers the authority's question until the result is disposed. */
  async #answer(authorization: Authorization, challenge: Challenge): Promise<AsyncDisposable> {
    const keyAuthorization = await this.#client.getChallengeKeyAuthorization(challenge);
    switch (challenge.type) {
      case "dns-01":
        return await this.#answerDns(keyAuthorization);
      case "http-01":
        return await this.#challenges.answerHttp(challenge.token, keyAuthorization);
      default:
        return await this.#answerTls(authorization, keyAuthorization);
    }
  }

  /** Without its record the authority is not asked: the next way is tried. */
  async #answerDns(digest: string): Promise<AsyncDisposable> {
    const { name, signal } = this.#request;
    try {
      return await this.#dns!.answer(name, digest, signal);
    } catch (error) {
      if (error instanceof DnsProviderError) throw new ValidationError("dns-01", error.message);
      throw error;
    }
  }

  async #answerTls(
    authorization: Authorization,
    keyAuthorization: string,
  ): Promise<AsyncDisposable> {
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

/**
 * The certificate was replaced already, or is none of this authority's (RFC 9773 5), or the authority has a fault
 * there: the new one is wanted all the same.
 */
function isForReplacement(error: unknown): boolean {
  if (!(error instanceof AcmeError)) return false;
  return error.kind === "busy"
    ? error.problem !== "rateLimited"
    : replacementFaults.has(error.problem);
}

/** The library's types leave the second one out. */
const portChallenges: readonly string[] = ["http-01", "tls-alpn-01"];

/** What the authority does not offer can't be chosen; either of those at ports suffices then. */
function chooseChallenge(authorization: Authorization, preferred: ChallengeType): Challenge {
  const usable = authorization.challenges.filter(({ status }) => status !== "invalid");
  const challenge =
    usable.find(({ type }) => type === preferred) ??
    usable.find(({ type }) => portChallenges.includes(type));
  if (challenge !== undefined) return challenge;
  const offered = authorization.challenges.map(({ type }) => type).join(", ");
  throw new AcmeError(
    "refused",
    `of the challenges that the authority offers (${offered}) none can be met`,
  );
}

function describeFailure(authorization: Authorization): string {
  for (const challenge of authorization.challenges) {
    const { type, detail } = readProblem((challenge as { error?: unknown }).error);
    if (detail !== "" || type !== "") return [type, detail].filter(Boolean).join(": ");
  }
  return `the authorization is ${authorization.status}`;
}
