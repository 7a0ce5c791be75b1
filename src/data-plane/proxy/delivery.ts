/** The phase in which a request gets a target, and another one when that refuses the connection. */
import { responseQuietMs } from "../../config/limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { DeadlineQueue } from "../../lib/deadline-queue.ts";
import type { LoadBalancer } from "../services/load-balancer.ts";
import { isReadRequest } from "../services/read-request.ts";
import type { Target } from "../services/target.ts";
import type { Answers } from "./answers/answers.ts";
import { clientGone } from "./answers/failure.ts";
import type { SpoolSpace } from "./bodies/spool-space.ts";
import { Retry } from "./retry.ts";
import { forwardedFields } from "./forwarded-headers.ts";
import { Forwarding } from "./forwarding.ts";
import type { Phase, PhaseOutcome } from "./phases.ts";
import type { ServicePolicies } from "./policies/service-policies.ts";
import { DeliveredRequest, type RoutedRequest } from "./request-stages.ts";

export interface DeliveryContext {
  clock: Clock;
  space: SpoolSpace;
  answers: Answers;
  /** How long a request is held while its targets refuse connections; 0: not at all. */
  targetRetryMs: number;
  /** A request of the service is sent to a target again. */
  onRetry(service: string): void;
}

export class Delivery implements Phase {
  readonly #clock: Clock;
  readonly #space: SpoolSpace;
  readonly #answers: Answers;
  readonly #targetRetryMs: number;
  readonly #onRetry: DeliveryContext["onRetry"];
  readonly #responsePauses: DeadlineQueue;

  constructor(context: DeliveryContext) {
    this.#clock = context.clock;
    this.#space = context.space;
    this.#answers = context.answers;
    this.#targetRetryMs = context.targetRetryMs;
    this.#onRetry = context.onRetry;
    this.#responsePauses = new DeadlineQueue(context.clock, responseQuietMs);
  }

  run(request: RoutedRequest, policies: ServicePolicies): Promise<PhaseOutcome> {
    const group = request.service.balancerFor(request.exchange.request.fields);
    request.rollout = request.service.isRollout(group);
    const target = choose(request, policies, group, request.retry?.tried ?? noTargets);
    return target === undefined
      ? this.#withoutTarget(request)
      : this.#offer(request, policies, group, target);
  }

  async #offer(
    request: RoutedRequest,
    policies: ServicePolicies,
    group: LoadBalancer,
    target: Target,
  ): Promise<PhaseOutcome> {
    const { name, options } = request.service;
    if (request.retry !== null && request.retry.failure !== null) this.#onRetry(name);
    if (options.retries > 0) request.retry ??= this.#retryOf(request);
    const error = await this.#forward(request, policies, group, target).done;
    for (const policy of policies.onAttempt) policy.onAttempt(request.delivered!, error);
    if (error === null) return "answered";
    request.retry ??= this.#retryOf(request);
    const { exchange, retry } = request;
    const { method, body } = exchange.request;
    const isFresh = exchange.status === 0;
    const hasBody = body !== null && request.collectedBody === null;
    if (isFresh && retry.takes(error, target, method, hasBody)) return "again";
    this.#answers.fail(request, error);
    return "answered";
  }

  #retryOf({ service }: RoutedRequest): Retry {
    return new Retry(this.#clock, this.#targetRetryMs, service.options);
  }

  #forward(
    request: RoutedRequest,
    policies: ServicePolicies,
    group: LoadBalancer,
    target: Target,
  ): Forwarding {
    const { forwardHeaders, bufferResponses, maxMemoryBufferBytes, maxResponseBodyBytes } =
      target.options;
    const rules = { forwardHeaders, clientIpHeader: request.service.options.clientIpHeader };
    const forwarded = forwardedFields(request.origin, rules, target.address);
    const delivered = new DeliveredRequest(request, target, group, forwarded);
    request.delivered = delivered;
    const forwarding = new Forwarding(delivered, policies, {
      responseSpool: bufferResponses
        ? this.#space.responseOptions(
            maxMemoryBufferBytes,
            maxResponseBodyBytes,
            request.exchange.sharedConnection,
          )
        : null,
      responsePauses: this.#responsePauses,
      clock: this.#clock,
    });
    forwarding.start();
    return forwarding;
  }

  async #withoutTarget(request: RoutedRequest): Promise<PhaseOutcome> {
    const { retry } = request;
    const failure = retry?.failure ?? null;
    if (retry === null || failure === null) {
      this.#answers.page(request, "no-healthy-target");
    } else if (!retry.mayWait) {
      this.#answers.fail(request, failure);
    } else if (await retry.pause(request.exchange)) {
      return "again";
    } else {
      this.#answers.fail(request, clientGone());
    }
    return "answered";
  }
}

const noTargets: readonly never[] = [];

function choose(
  request: RoutedRequest,
  policies: ServicePolicies,
  group: LoadBalancer,
  tried: readonly Target[],
): Target | undefined {
  for (const policy of policies.chooseTarget) {
    const target = policy.chooseTarget(request, group, tried);
    if (target !== undefined) return target;
  }
  const { method, upgrade } = request.exchange.request;
  const { readTargetsAcceptWebsockets } = request.service.options;
  return group.claim(isReadRequest(method, upgrade, readTargetsAcceptWebsockets), tried);
}
