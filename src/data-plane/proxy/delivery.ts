/** Brings a request that was let in to a target: collects its body if asked, chooses, forwards. */
import { responseQuietMs } from "../../config/defaults.ts";
import type { TargetOptions } from "../../config/options.ts";
import { pipe } from "../../protocols/http/body.ts";
import type { Clock } from "../../lib/clock.ts";
import { DeadlineQueue } from "../../lib/deadline-queue.ts";
import type { LoadBalancer } from "../services/load-balancer.ts";
import { isReadRequest } from "../services/read-request.ts";
import type { Service } from "../services/service.ts";
import type { Target } from "../services/target.ts";
import { readsFromWriter } from "../services/writer-affinity.ts";
import type { Transport } from "../upstream/transport.ts";
import { ExchangeError } from "../../protocols/http/exchange-error.ts";
import type { Admission } from "./admission.ts";
import type { Answers } from "./answers/answers.ts";
import { ConnectRetry } from "./connect-retry.ts";
import { bufferingError, clientGone, requestTooLarge } from "./answers/failure.ts";
import { forwardedFields } from "./forwarded-headers.ts";
import { Forwarding } from "./forwarding.ts";
import type { RequestContext } from "./request-context.ts";
import { responseRewriter } from "./response-cookies.ts";
import type { MemoryBudget } from "../../net/memory-budget.ts";
import { SpooledBody, type SpoolOptions } from "./bodies/spooled-body.ts";

export interface DeliveryOptions {
  clock: Clock;
  /** Of all buffered bodies together. */
  spoolMemory: MemoryBudget;
  spoolFolder: string;
  /** How long a request is held while its targets refuse connections; 0: not at all. */
  targetRetryMs: number;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #answers: Answers;
  readonly #admission: Admission;
  readonly #responsePauses: DeadlineQueue;

  constructor(options: DeliveryOptions, answers: Answers, admission: Admission) {
    this.#options = options;
    this.#answers = answers;
    this.#admission = admission;
    this.#responsePauses = new DeadlineQueue(options.clock, responseQuietMs);
  }

  /** Resolves when the request is answered, whatever became of it. */
  async deliver(context: RequestContext, service: Service<Transport>): Promise<void> {
    const spool = this.#startSpool(context, service);
    if (spool === "answered") return;
    try {
      if (spool !== null && !(await this.#collect(context, spool))) return;
      await this.#offer(context, service, spool);
    } finally {
      spool?.dispose();
    }
  }

  /** Begins to collect the request body when the service buffers requests. */
  #startSpool(
    context: RequestContext,
    service: Service<Transport>,
  ): SpooledBody | null | "answered" {
    const { request } = context.exchange;
    const targetOptions = optionsOf(this.#balancer(context, service), service);
    if (!targetOptions.bufferRequests || request.body === null) return null;
    context.collectedFor = targetOptions;
    const limit = targetOptions.maxRequestBodyBytes;
    if (limit > 0 && request.framing.kind === "length" && request.framing.length > limit) {
      this.#answers.fail(context, requestTooLarge());
      return "answered";
    }
    const spool = new SpooledBody(this.#spoolOptions(targetOptions.maxMemoryBufferBytes, limit));
    pipe(request.body, spool);
    return spool;
  }

  /** Waits for the whole request body; false when there is none, and the request is answered. */
  async #collect(context: RequestContext, spool: SpooledBody): Promise<boolean> {
    const outcome = await spool.collected;
    switch (outcome.kind) {
      case "complete":
        context.collectedFor = null;
        // The last bytes may have been on their way to the disk when the client left.
        if (context.exchange.aborted) {
          this.#answers.fail(context, clientGone());
          return false;
        }
        return true;
      case "too-large":
        this.#answers.fail(context, requestTooLarge());
        return false;
      case "aborted":
        this.#answers.fail(
          context,
          outcome.error instanceof ExchangeError
            ? outcome.error
            : new ExchangeError("client-gone", outcome.error.message),
        );
        return false;
      case "failed":
        this.#answers.fail(context, bufferingError(outcome.error));
        return false;
    }
  }

  #balancer(context: RequestContext, service: Service<Transport>): LoadBalancer<Transport> {
    return service.balancerFor(context.exchange.request.fields);
  }

  #claim(
    context: RequestContext,
    service: Service<Transport>,
    balancer: LoadBalancer<Transport>,
    tried?: readonly Target<Transport>[],
  ): Target<Transport> | null {
    const { request } = context.exchange;
    const isRead = isReadRequest(
      request.method,
      request.upgrade,
      service.options.readTargetsAcceptWebsockets,
    );
    const reads =
      isRead &&
      !(balancer.hasReaders && readsFromWriter(request.fields, this.#options.clock.wallMs()));
    return balancer.claim(reads, tried) ?? null;
  }

  /** Sends the request to a target, and on to others while they refuse connections. */
  async #offer(
    context: RequestContext,
    service: Service<Transport>,
    spool: SpooledBody | null,
  ): Promise<void> {
    let retry: ConnectRetry | null = null;
    for (;;) {
      // While the body was collected or a target refused, a deploy, a pause or a stop may have come.
      if (service.gate.state !== "running" && !(await this.#admission.admit(context, service)))
        return;
      const balancer = this.#balancer(context, service);
      const target = this.#claim(context, service, balancer, retry?.tried);
      if (target !== null) {
        const error = await this.#forward(context, service, target, balancer, spool);
        if (error === null) return;
        retry ??= new ConnectRetry(this.#options.clock, this.#options.targetRetryMs);
        if (retry.takes(error, target)) continue;
        this.#answers.fail(context, error);
        return;
      }
      if (retry === null || retry.refusal === null) {
        this.#answers.page(context, 503);
        return;
      }
      if (!retry.mayWait) {
        this.#answers.fail(context, retry.refusal);
        return;
      }
      if (!(await retry.pause(context.exchange))) {
        this.#answers.fail(context, clientGone());
        return;
      }
    }
  }

  #forward(
    context: RequestContext,
    service: Service<Transport>,
    target: Target<Transport>,
    balancer: LoadBalancer<Transport>,
    spool: SpooledBody | null,
  ): Promise<ExchangeError | null> {
    const { options } = target;
    context.target = target;
    const { forwardHeaders } = options;
    const { clientIpHeader } = service.options;
    const rules = { forwardHeaders, clientIpHeader };
    context.forwarded = forwardedFields(context.origin, rules, target.address);
    const forwarding = new Forwarding(context, target, {
      spool,
      responseSpool: options.bufferResponses
        ? this.#spoolOptions(options.maxMemoryBufferBytes, options.maxResponseBodyBytes)
        : null,
      responsePauses: this.#responsePauses,
      rewriteResponse: responseRewriter(context, service, target, balancer, this.#options.clock),
    });
    forwarding.start();
    return forwarding.done;
  }

  #spoolOptions(maxMemoryBytes: number, maxBytes: number): SpoolOptions {
    const { spoolMemory, spoolFolder } = this.#options;
    return { maxMemoryBytes, maxBytes, memory: spoolMemory, folder: spoolFolder };
  }
}

/** Those of the deployment that the request goes to; a service may have no target at all. */
function optionsOf(balancer: LoadBalancer<Transport>, service: Service<Transport>): TargetOptions {
  return balancer.targets[0]?.options ?? service.targetOptions;
}
