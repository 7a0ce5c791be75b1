/**
 * What a service may want done with its requests: one file a policy in this folder, named by the list in
 * `phases.ts`. A policy is made for each service at each of its snapshots, and left out where it has nothing
 * to do; what it has no method for costs nothing.
 */
import type { BodyFraming } from "../../../protocols/http/body-framing.ts";
import type { BodySink } from "../../../protocols/http/body.ts";
import type { Fields } from "../../../protocols/http/fields.ts";
import type { ResponseHead } from "../../../protocols/http/message-head.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import type { ServiceEvent } from "../../../seam/service-metrics.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { LiveServices } from "../../services/live-services.ts";
import type { LoadBalancer } from "../../services/load-balancer.ts";
import type { LiveService } from "../../services/live-service.ts";
import type { Target, TransportFactory } from "../../services/target.ts";
import type { CollectedResponse } from "../bodies/buffered-response.ts";
import type { MemoryBudget } from "../../../net/memory-budget.ts";
import type { Answers } from "../answers/answers.ts";
import type { PasswordChecker } from "../../../access/password-checker.ts";
import type { RateTable } from "../../../access/rate-table.ts";
import type { Tracing } from "../../telemetry/tracing.ts";
import type { DeliveredRequest, RoutedRequest } from "../request-stages.ts";

/** "answered-elsewhere": by what stands behind all policies, such as a pause. */
export type Verdict = "pass" | "answered" | "answered-elsewhere";

/** A response on its way to the client, before its head is sent. */
export interface ClientResponse extends ResponseHead {
  /** A body of another length needs another framing, and another Content-Length. */
  framing: BodyFraming;
}

/** Requests meet policies in the order of the list, responses the other way round. */
export interface Policy {
  /** `policy` in the log lines of requests that it answers; null where kamal-proxy does it and has no such field. */
  readonly logName: string | null;
  /** Before a pause holds the request and its body is read. Without need no promise: body bytes would have to wait. */
  onRequest?(request: RoutedRequest): Verdict | Promise<Verdict>;
  /** The first policy that names a target decides; else it is the turn of one. Those in `tried` have refused. */
  chooseTarget?(
    request: RoutedRequest,
    group: LoadBalancer,
    tried: readonly Target[],
  ): Target | undefined;
  /** May change the head, and the time that the target has. */
  onOutgoing?(request: DeliveredRequest, head: OutgoingHead): void;
  /** Of the final response of a target, a switch of protocols left out. */
  onResponse?(request: DeliveredRequest, response: ClientResponse): void;
  /** Of a switch of protocols: may change its head. */
  onSwitch?(request: DeliveredRequest, fields: Fields): void;
  /** Its way to one target is over: null, or why the client got no complete answer from there. */
  onAttempt?(request: DeliveredRequest, error: ExchangeError | null): void;
  /**
   * Takes the place of `client` for the body, when the head was sent, or null. It may hand on later what it is
   * given: the request is over when `client` has been told the end.
   */
  wrapBody?(
    request: DeliveredRequest,
    response: ClientResponse,
    client: BodySink,
  ): CollectedResponse | null;
  /** The request is over, however it ended; the log line follows. */
  onEnd?(request: RoutedRequest): void;
}

/** What policies may use. */
export interface PolicyContext {
  readonly answers: Answers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts of all workers together. */
  readonly rates: RateTable;
  readonly passwords: PasswordChecker;
  /** What encoders of responses take, of all services. */
  readonly encoderMemory: MemoryBudget;
  /** Processes that share what is a limit of all together. */
  readonly workers: number;
  readonly services: LiveServices;
  readonly createTransport: TransportFactory;
  /** Waits while a pause holds the request; false: it was answered. */
  admit(request: RoutedRequest): Promise<boolean>;
  /** A keyed hash: what is remembered by it tells nothing. */
  digest(text: string): string;
  /** For the metrics. */
  countEvent(service: string, event: ServiceEvent): void;
  readonly tracing: Tracing;
  /** Apps may have settings of their own. */
  readonly appSettings: boolean;
  /** Null when the service of that host has no automatic certificate. */
  challengeResponse(hostName: string, path: string): ChallengeResponse | Promise<ChallengeResponse>;
}

export type ChallengeResponse = { status: number; body: string } | null;

/**
 * Null when the service, as it is now, has no use for the policy. `previous` is what this factory made for
 * the service's snapshot before, whose state may have to go on.
 */
export type PolicyFactory = (
  service: LiveService,
  context: PolicyContext,
  previous: Policy | null,
) => Policy | null;
