/** Takes every request: finds its service, sends it through the phases, and records how it ended. */
import { byteSet, percentDecode, percentEncode } from "../../protocols/http/percent-encoding.ts";
import type { CidrList } from "../../lib/cidr.ts";
import type { Clock } from "../../lib/clock.ts";
import { stackOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import { maxEncoderMemoryBytes } from "../../config/limits.ts";
import { MemoryBudget } from "../../net/memory-budget.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { Fields } from "../../protocols/http/fields.ts";
import type { ServiceEvent } from "../../seam/service-metrics.ts";
import type { LiveServices } from "../services/live-services.ts";
import type { TransportFactory } from "../services/target.ts";
import { stripPrefix } from "../services/routed-path.ts";
import { Admission } from "./admission.ts";
import { Answers } from "./answers/answers.ts";
import { SpoolSpace } from "./bodies/spool-space.ts";
import { Collection } from "./collection.ts";
import { asksForProxyHealth, publishingService } from "./own-paths.ts";
import { Delivery } from "./delivery.ts";
import { inOrder, type Phase, policies, runPhases } from "./phases.ts";
import type { ChallengeResponse } from "./policies/policy.ts";
import { PolicyPhase } from "./policies/policy-phase.ts";
import { PolicyCompiler, type ServicePolicies } from "./policies/service-policies.ts";
import type { PasswordChecker } from "../../access/password-checker.ts";
import type { RateTable } from "../../access/rate-table.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { RequestRecorder } from "./request-record.ts";
import { ReceivedRequest, RoutedRequest } from "./request-stages.ts";

/** Bytes that RFC 3986 does not allow in a path. */
const rawBytes = byteSet(/[\x7f-\xff]/);

const nothing = new Uint8Array();

export interface PipelineOptions {
  clock: Clock;
  logger: Logger;
  rates: RateTable;
  passwords: PasswordChecker;
  workers: number;
  services: LiveServices;
  createTransport: TransportFactory;
  /** For the metrics. */
  countEvent(service: string, event: ServiceEvent): void;
  recorder: RequestRecorder;
  newRequestId(): string;
  /** A keyed hash of 256 bits. */
  digest(text: string): string;
  /** Null: kamal-proxy's rule of whose forwarding fields are believed. */
  trustedProxies: CidrList | null;
  /** Null when the service of that host has no automatic certificate. */
  challengeResponse(hostName: string, path: string): ChallengeResponse | Promise<ChallengeResponse>;
  /** Of all buffered bodies together. */
  spoolMemory: MemoryBudget;
  spoolFolder: string;
  /** How long a request is held while its targets refuse connections; 0: not at all. */
  targetRetryMs: number;
  /** The proxy's own answers name the code of the failure. */
  showsErrorCodes: boolean;
  tracing: Tracing;
  /** Apps may have settings of their own. */
  appSettings: boolean;
  /** The proxy itself tells on the http port how it is. */
  publishesHealth: boolean;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #answers: Answers;
  readonly #policies: PolicyCompiler;
  #underWay = 0;
  readonly #phases: readonly Phase[];

  constructor(options: PipelineOptions) {
    const { clock, logger, targetRetryMs } = options;
    const answers = new Answers(logger, options.showsErrorCodes);
    const admission = new Admission(answers, logger);
    const space = new SpoolSpace(options.spoolMemory, options.spoolFolder);
    this.#options = options;
    this.#answers = answers;
    this.#policies = new PolicyCompiler(policies, {
      answers,
      clock,
      logger,
      rates: options.rates,
      passwords: options.passwords,
      workers: options.workers,
      encoderMemory: new MemoryBudget(Math.floor(maxEncoderMemoryBytes / options.workers)),
      services: options.services,
      createTransport: options.createTransport,
      countEvent: options.countEvent,
      admit: async (request) => (await admission.run(request)) === "next",
      digest: options.digest,
      appSettings: options.appSettings,
      tracing: options.tracing,
      challengeResponse: options.challengeResponse,
    });
    this.#phases = inOrder({
      policies: new PolicyPhase(answers),
      admission,
      collection: new Collection(space, answers),
      delivery: new Delivery({
        clock,
        space,
        answers,
        targetRetryMs,
        onRetry: (service) => options.countEvent(service, "retry"),
      }),
    });
  }

  handle(exchange: Exchange): void {
    if (exchange.request.path === "*") {
      // OPTIONS of the server itself (RFC 9110 9.3.7): of no service.
      exchange.respond(200, new Fields(), nothing);
      return;
    }
    this.#underWay++;
    const received = this.#receive(exchange);
    const routed = this.#asksForHealth(received) ? null : this.#route(received);
    if (routed !== null) {
      void this.#serve(routed);
      return;
    }
    this.#answerAlone(received);
    this.#ended(received, null);
  }

  #ended(received: ReceivedRequest, routed: RoutedRequest | null): void {
    this.#options.recorder.ended(received, routed);
    this.#underWay--;
  }

  #asksForHealth({ exchange, decodedPath }: ReceivedRequest): boolean {
    if (!this.#options.publishesHealth || exchange.request.scheme !== "http") return false;
    return asksForProxyHealth(exchange.request.method, decodedPath);
  }

  /** No service wants it: it asks for the proxy's own health, or for nothing that is there. */
  #answerAlone(received: ReceivedRequest): void {
    if (!this.#asksForHealth(received)) {
      this.#answers.page(received, "no-service");
      return;
    }
    const fields = Fields.of(["Content-Type", "text/plain"], ["Cache-Control", "no-store"]);
    this.#answers.respond(received, 200, fields, Buffer.from("ok"));
  }

  /** Requests that are not answered to their end, tunnels among them. */
  get underWay(): number {
    return this.#underWay;
  }

  async #serve(request: RoutedRequest): Promise<void> {
    const { exchange } = request;
    let servicePolicies: ServicePolicies | null = null;
    try {
      servicePolicies = this.#policies.of(request.service);
      await runPhases(this.#phases, request, servicePolicies);
    } catch (error) {
      this.#logFailure(exchange, error);
      if (exchange.status === 0) this.#answers.page(request, "internal-error");
      else exchange.cut();
    }
    request.collectedBody?.dispose();
    for (const policy of servicePolicies?.onEnd ?? []) {
      try {
        policy.onEnd(request);
      } catch (error) {
        this.#logFailure(exchange, error);
      }
    }
    this.#ended(request.received, request);
  }

  /** A mistake of the program costs this request alone. */
  #logFailure(exchange: Exchange, error: unknown): void {
    this.#options.logger.error("Request failed inside the proxy", {
      path: exchange.request.path,
      error: stackOf(error),
    });
  }

  #receive(exchange: Exchange): ReceivedRequest {
    const { clock, newRequestId, trustedProxies } = this.#options;
    const { fields, client, scheme, host, path } = exchange.request;
    const startedWallMs = clock.wallMs();
    const trusted =
      trustedProxies === null
        ? null
        : client.isUnnamed !== true && trustedProxies.contains(client.address);
    return new ReceivedRequest(
      exchange,
      { fields, clientAddress: client.address, scheme, host, trusted, proxies: trustedProxies },
      percentDecode(path) ?? path,
      startedWallMs,
      clock.now(),
      fields.get("x-request-id") || newRequestId(),
      fields.get("x-request-start") || `t=${Math.floor(startedWallMs)}`,
    );
  }

  /** Finds the service by host and path; null when no service wants the request. */
  #route(received: ReceivedRequest): RoutedRequest | null {
    const { request } = received.exchange;
    const { services } = this.#options;
    const publishing = publishingService(services, received.decodedPath);
    const found =
      publishing === null
        ? services.lookup(request.hostName, received.decodedPath)
        : { value: publishing, prefix: "/" };
    if (found === undefined) return null;
    const { value: service, prefix } = found;
    const targetPath = percentEncode(
      stripPrefix(request.path, service.strippedPrefix(prefix)),
      rawBytes,
    );
    const isExcluded =
      service.excludesMetrics &&
      service.isExcludedFromMetrics(percentDecode(targetPath) ?? targetPath);
    const routed = new RoutedRequest(received, service, prefix, targetPath, isExcluded);
    this.#options.recorder.started(routed);
    return routed;
  }
}
