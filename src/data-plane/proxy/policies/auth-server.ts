/** Whom --forward-auth asks: where, over which connections, and how many questions at once. */
import { maxAuthQuestions, maxWaitingAuthQuestions } from "../../../config/access-limits.ts";
import type { ForwardAuthPlace } from "../../../config/forward-auth-place.ts";
import { ConcurrencyLimit } from "../../../lib/concurrency-limit.ts";
import { Fields } from "../../../protocols/http/fields.ts";
import { byteString } from "../../services/byte-string.ts";
import type { LoadBalancer } from "../../services/load-balancer.ts";
import type { Target } from "../../services/target.ts";
import type { Transport } from "../../upstream/transport.ts";
import type { UpstreamProtocol } from "../../upstream/upstream-request.ts";
import type { RoutedRequest } from "../request-stages.ts";
import { targetProtocolFor } from "../target-protocol.ts";
import { AuthMemory } from "./auth-memory.ts";
import type { PolicyContext } from "./policy.ts";

/** One that can be asked. */
export interface AuthPlace {
  transport: Transport;
  protocol: UpstreamProtocol;
  /** Null where it is no target of a service. */
  target: Target | null;
}

export class AuthServer {
  readonly questions = new ConcurrencyLimit(maxAuthQuestions, maxWaitingAuthQuestions);
  readonly memory: AuthMemory;
  readonly #named: ForwardAuthPlace;
  readonly #services: PolicyContext["services"];
  /** Null where targets have their own. */
  readonly #transport: Transport | null;

  constructor(named: ForwardAuthPlace, { services, clock, createTransport }: PolicyContext) {
    this.memory = new AuthMemory(clock);
    this.#named = named;
    this.#services = services;
    this.#transport =
      named.kind === "url" ? createTransport(named.host, named.port, named.secure) : null;
  }

  /** The app itself is asked. */
  get isOwnApp(): boolean {
    return this.#named.kind === "own";
  }

  /** Path and query, as they go out. */
  get target(): string {
    return this.#named.path;
  }

  /** The Host that is asked for: that of the URL, else one that the targets serve. */
  authority({ exchange }: RoutedRequest): string {
    const named = this.#named;
    if (named.kind === "url") return named.authority;
    const { host } = exchange.request;
    if (named.kind === "own") return host;
    const hosts = this.#services.get(named.name)?.options.hosts ?? [];
    const own = hosts.find((each) => each !== "" && !each.startsWith("*"));
    return own === undefined ? host : byteString(own);
  }

  /** Null when there is nobody, or all targets are in `tried`. */
  place(request: RoutedRequest, tried: readonly Target[]): AuthPlace | null {
    if (this.#transport !== null) {
      return { transport: this.#transport, protocol: "h1", target: null };
    }
    const target = this.#group(request)?.claim(true, tried);
    if (target === undefined) return null;
    const protocol = targetProtocolFor(target.options.targetProtocol, plainRequest);
    return { transport: target.transport, protocol, target };
  }

  /** Nobody asks it any more. */
  retire(): void {
    this.#transport?.retire();
  }

  #group({ service, exchange }: RoutedRequest): LoadBalancer | undefined {
    const named = this.#named;
    if (named.kind !== "service") return service.balancerFor(exchange.request.fields);
    return this.#services.get(named.name)?.activeBalancer;
  }
}

const plainRequest = { upgrade: null, fields: new Fields() };
