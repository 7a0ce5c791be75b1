/** How often one client may ask: `--rate-limit`. */
import { type Rate, parseRate } from "../../../config/rate.ts";
import type { ServiceOptions } from "../../../config/options.ts";
import type { Clock } from "../../../lib/clock.ts";
import { cookieValue } from "../../../protocols/http/cookies.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { Answers } from "../answers/answers.ts";
import { clientNetwork } from "../../../access/client-network.ts";
import type { DeliveredRequest, RoutedRequest } from "../request-stages.ts";
import { AddressList } from "./address-list.ts";
import { PathScope } from "./path-scope.ts";
import type { ClientResponse, Policy, PolicyContext, PolicyFactory, Verdict } from "./policy.ts";
import type { RateKey, RateTable } from "../../../access/rate-table.ts";

class RateLimit implements Policy {
  readonly logName = "rate-limit";
  readonly exempt: AddressList;
  readonly #rate: Rate;
  readonly #options: ServiceOptions;
  /** Begins the keys of this service. */
  readonly #prefix: string;
  readonly #group: number;
  readonly #paths: PathScope | null;
  /** draft-ietf-httpapi-ratelimit-headers-10, 3: the quota and the time in which it is all there again. */
  readonly #policyField: [name: string, value: string];
  readonly #answers: Answers;
  readonly #clock: Clock;
  readonly #rates: RateTable;

  constructor(
    service: string,
    options: ServiceOptions,
    rate: Rate,
    exempt: AddressList,
    { answers, clock, rates }: PolicyContext,
  ) {
    const { rateLimitPaths } = options;
    this.exempt = exempt;
    this.#rate = rate;
    this.#options = options;
    this.#prefix = `rate-limit ${service} `;
    this.#group = rates.group(this.#prefix);
    this.#paths = rateLimitPaths.length === 0 ? null : new PathScope(rateLimitPaths);
    const windowSeconds = Math.max(1, Math.ceil((rate.burst * rate.intervalMs) / 1e3));
    this.#policyField = ["RateLimit-Policy", `"proxy";q=${rate.burst};w=${windowSeconds}`];
    this.#answers = answers;
    this.#clock = clock;
    this.#rates = rates;
  }

  onRequest(request: RoutedRequest): Verdict {
    if (!this.#concerns(request)) return "pass";
    const left = this.#rates.take(this.#keyOf(request), this.#rate, this.#clock.wallMs());
    if (left >= 0) {
      request.rateLeft = left;
      return "pass";
    }
    const seconds = Math.ceil(-left / 1e3);
    this.#answers.pageWith(request, "rate-exceeded", [
      ["Retry-After", String(seconds)],
      ["RateLimit", `"proxy";r=0;t=${seconds}`],
      this.#policyField,
    ]);
    return "answered";
  }

  onResponse({ routed }: DeliveredRequest, { fields }: ClientResponse): void {
    const { rateLeft: left } = routed;
    if (left < 0) return;
    const rate = this.#rate;
    const fullInSeconds = Math.ceil(((rate.burst - left) * rate.intervalMs) / 1e3);
    fields.appendChecked("RateLimit", `"proxy";r=${left};t=${fullInSeconds}`, "ratelimit");
    fields.appendChecked(...this.#policyField, "ratelimit-policy");
  }

  #concerns(request: RoutedRequest): boolean {
    if (this.#paths?.mayMean(request) === false) return false;
    return !this.exempt.contains(request.clientAddress);
  }

  /** A client without the field that is counted by is counted by its address. */
  #keyOf(request: RoutedRequest): RateKey {
    const { rateLimitKey } = this.#options;
    const value = keyValue(rateLimitKey, request.exchange.request.fields);
    const text =
      value === undefined
        ? `${this.#prefix}ip ${clientNetwork(request.clientAddress)}`
        : `${this.#prefix}${rateLimitKey} ${value}`;
    return { group: this.#group, text };
  }
}

function keyValue(key: string, fields: Fields): string | undefined {
  if (key.startsWith("header:")) return fields.joined(key.slice("header:".length).toLowerCase());
  if (key.startsWith("cookie:")) {
    return cookieValue(fields.all("cookie"), key.slice("cookie:".length));
  }
  return undefined;
}

export const rateLimit: PolicyFactory = (service, context, previous) => {
  const { options, snapshot } = service;
  const rate = parseRate(options.rateLimit, options.rateLimitBurst);
  if (rate === null) return null;
  const before = previous instanceof RateLimit ? previous.exempt : null;
  const exempt = AddressList.of(options.rateLimitExemptIps, snapshot.fileContents, before);
  return new RateLimit(service.name, options, rate, exempt, context);
};
