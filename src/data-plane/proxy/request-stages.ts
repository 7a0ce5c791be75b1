/**
 * What is known of a request, stage by stage: received, routed to a service, delivered to a target. Each
 * stage has all that the one before it has, so that nobody asks for what can't be there yet.
 */
import type { TargetOptions } from "../../config/options.ts";
import { ListMember } from "../../lib/member-list.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import type { LoadBalancer } from "../services/load-balancer.ts";
import type { LiveService } from "../services/live-service.ts";
import type { Target } from "../services/target.ts";
import type { RequestTrace } from "../telemetry/tracing.ts";
import type { SpooledBody } from "./bodies/spooled-body.ts";
import type { Retry } from "./retry.ts";
import { type ForwardedFields, type Origin, trustedAddress } from "./forwarded-headers.ts";

export class ReceivedRequest {
  /** No service wants it, as far as is known. */
  readonly service = null;
  /** Status for log and metrics when none was sent (499), or another one in the terms of gRPC. */
  unsentStatus = 0;
  /** Why it failed, for the log line; empty when it did not. */
  error = "";

  constructor(
    readonly exchange: Exchange,
    /** Who sent the request, as far as it is believed. */
    readonly origin: Origin,
    /** Path with its escapes decoded, prefix included. */
    readonly decodedPath: string,
    /** Milliseconds since 1970, with fraction. */
    readonly startedWallMs: number,
    readonly startedMs: number,
    readonly requestId: string,
    readonly requestStart: string,
  ) {}

  /** For log, metrics and traces. */
  get status(): number {
    return this.unsentStatus || this.exchange.status || 200;
  }
}

export class RoutedRequest extends ListMember {
  /** The policy that has answered it, for the log; null when it was somebody else. */
  answeredBy: string | null = null;
  /** While the body is collected no target is chosen yet: the options that it is collected by. */
  collectedFor: TargetOptions | null = null;
  /** The body as far as it is collected; null when it goes on as it comes. */
  collectedBody: SpooledBody | null = null;
  /** What --rate-limit leaves its client; -1: it is not limited. */
  rateLeft = -1;
  /** What was tried so far; null before the first target. */
  retry: Retry | null = null;
  /** At the last target that it was sent to; null before. */
  delivered: DeliveredRequest | null = null;
  /** It went to the targets of the rollout, or to the active ones beside them; null: there is no rollout. */
  rollout: boolean | null = null;
  /** The trace that it belongs to; null: none. */
  trace: RequestTrace | null = null;
  #clientAddress: string | null = null;

  constructor(
    readonly received: ReceivedRequest,
    readonly service: LiveService,
    /** The part of the path that led to the service, decoded. */
    readonly matchedPrefix: string,
    /** What the target sees, still escaped. */
    readonly targetPath: string,
    readonly excludedFromMetrics: boolean,
  ) {
    super();
  }

  get exchange(): Exchange {
    return this.received.exchange;
  }
  get origin(): Origin {
    return this.received.origin;
  }
  get decodedPath(): string {
    return this.received.decodedPath;
  }
  /** The client as trusted proxies name it. */
  get clientAddress(): string {
    this.#clientAddress ??= trustedAddress(this.origin, this.service.options.clientIpHeader);
    return this.#clientAddress;
  }
  get requestId(): string {
    return this.received.requestId;
  }
  set unsentStatus(status: number) {
    this.received.unsentStatus = status;
  }
  set error(text: string) {
    this.received.error = text;
  }
}

export class DeliveredRequest {
  /** For the head of the response; 0: as long as it takes. */
  responseTimeoutMs: number;
  /** For all that is still to come of it; 0: as long as it takes. */
  timeLeftMs = 0;
  /** As the target answered; 0 before. */
  targetStatus = 0;

  constructor(
    readonly routed: RoutedRequest,
    readonly target: Target,
    /** Those that the target was chosen from. */
    readonly group: LoadBalancer,
    readonly forwarded: ForwardedFields,
  ) {
    this.responseTimeoutMs = target.options.responseTimeoutMs;
  }

  get exchange(): Exchange {
    return this.routed.exchange;
  }
  get service(): LiveService {
    return this.routed.service;
  }
}
