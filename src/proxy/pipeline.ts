/**
 * The phases of a request, in order: start reading here. Each phase either answers the exchange or
 * lets it pass to the next; the log line and the metrics come last, whatever happened.
 */
import { responseQuietMs } from "../config/defaults.ts";
import type { TargetOptions } from "../config/options.ts";
import { pipe } from "../http/body.ts";
import { Fields } from "../http/fields.ts";
import { decodePath, escapeRawBytes } from "../http/request-target.ts";
import type { CidrList } from "../lib/cidr.ts";
import type { Clock } from "../lib/clock.ts";
import { DeadlineQueue } from "../lib/deadline-queue.ts";
import type { Logger } from "../lib/logger.ts";
import type { LiveServices } from "../services/live-services.ts";
import type { LoadBalancer } from "../services/load-balancer.ts";
import { isReadRequest } from "../services/read-request.ts";
import { stripPrefix } from "../services/routed-path.ts";
import type { Service } from "../services/service.ts";
import type { Target } from "../services/target.ts";
import { applyWriterAffinity, readsFromWriter } from "../services/writer-affinity.ts";
import type { Transport } from "../upstream/transport.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { admit } from "./admission.ts";
import { bufferingError } from "./buffered-response.ts";
import { ConnectRetry } from "./connect-retry.ts";
import { scopeCookiePath } from "./cookie-scope.ts";
import type { ErrorPages } from "./error-pages.ts";
import type { Exchange } from "./exchange.ts";
import { failureOf } from "./failure.ts";
import { forwardedFields } from "./forwarded-headers.ts";
import { Forwarding } from "./forwarding.ts";
import { redirectBody, redirectFields, redirectLocation, redirectStatus } from "./redirects.ts";
import { RequestContext } from "./request-context.ts";
import type { RequestRecorder } from "./request-record.ts";
import { SpooledBody, type SpoolMemory, type SpoolOptions } from "./spooled-body.ts";

type ChallengeResponse = { status: number; body: string } | null;

export interface PipelineOptions {
  services: LiveServices<Transport>;
  recorder: RequestRecorder;
  logger: Logger;
  clock: Clock;
  newRequestId(): string;
  /** Default pages, for requests that no service answers. */
  pages: ErrorPages;
  /** The pages of a service, or the default ones. */
  pagesOf(service: Service<Transport>): ErrorPages;
  trustedProxies: CidrList | null;
  /** Null when the service of that host has no automatic certificate. */
  challengeResponse(hostName: string, path: string): ChallengeResponse | Promise<ChallengeResponse>;
  spoolMemory: SpoolMemory;
  spoolFolder: string;
  /** How long a request is held while its targets refuse connections; 0: not at all. */
  targetRetryMs: number;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #responsePauses: DeadlineQueue;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#responsePauses = new DeadlineQueue(options.clock, responseQuietMs);
  }

  async handle(exchange: Exchange): Promise<void> {
    const context = this.#begin(exchange);
    try {
      await this.#respond(context);
    } catch (error) {
      this.#options.logger.error("Request failed inside the proxy", {
        path: exchange.request.path,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      if (exchange.status === 0) this.#page(context, 500);
      else exchange.cut();
    }
    this.#options.recorder.ended(context);
  }

  #begin(exchange: Exchange): RequestContext {
    const { clock, newRequestId, trustedProxies } = this.#options;
    const { fields, clientAddress, scheme, host } = exchange.request;
    const startedWallMs = clock.wallMs();
    const trusted = trustedProxies === null ? null : trustedProxies.contains(clientAddress);
    return new RequestContext(
      exchange,
      { fields, clientAddress, scheme, host, trusted },
      { startedWallMs, startedMs: clock.now() },
      {
        requestId: fields.get("x-request-id") || newRequestId(),
        requestStart: fields.get("x-request-start") || `t=${Math.floor(startedWallMs)}`,
      },
    );
  }

  async #respond(context: RequestContext): Promise<void> {
    const service = this.#route(context);
    if (service === null) {
      this.#page(context, 404);
      return;
    }
    if (isChallenge(context) && (await this.#answerChallenge(context))) return;
    if (this.#redirect(context, service)) return;
    // Nothing is awaited on the common path: body bytes that came with the head would wait in a copy.
    if (service.gate.state !== "running" && !(await this.#admit(context, service))) return;
    const spool = this.#startSpool(context, service);
    if (spool === "answered") return;
    try {
      if (spool !== null && !(await this.#collect(context, service, spool))) return;
      const { clock, targetRetryMs } = this.#options;
      const retry = targetRetryMs > 0 ? new ConnectRetry(clock, targetRetryMs) : null;
      await this.#offer(context, service, spool, retry);
    } finally {
      spool?.dispose();
    }
  }

  /** Finds the service by host and path; null when no service wants the request. */
  #route(context: RequestContext): Service<Transport> | null {
    const { request } = context.exchange;
    context.decodedPath = decodePath(request.path) ?? request.path;
    const found = this.#options.services.lookup(request.hostName, context.decodedPath);
    if (found === undefined) return null;
    const { value: service, prefix } = found;
    context.service = service;
    context.matchedPrefix = prefix;
    context.targetPath = escapeRawBytes(stripPrefix(request.path, service.strippedPrefix(prefix)));
    if (service.excludesMetrics) {
      const seen = decodePath(context.targetPath) ?? context.targetPath;
      context.excludedFromMetrics = service.isExcludedFromMetrics(seen);
    }
    this.#options.recorder.started(context);
    return service;
  }

  /** Answers HTTP-01 validations (RFC 8555 8.3) of services with automatic certificates. */
  async #answerChallenge(context: RequestContext): Promise<boolean> {
    const { exchange } = context;
    const { hostName, path } = exchange.request;
    const answer = await this.#options.challengeResponse(hostName, path);
    if (answer === null) return false;
    const fields = Fields.of(["Content-Type", "text/plain; charset=utf-8"]);
    exchange.respond(answer.status, fields, Buffer.from(answer.body));
    return true;
  }

  /** Redirects to the wanted scheme or host; refuses TLS for services without it. */
  #redirect(context: RequestContext, service: Service<Transport>): boolean {
    const { exchange } = context;
    const { request } = exchange;
    const tls = this.#options.services.tlsPolicy(service, request.hostName);
    if (request.scheme === "https" && !tls.tlsEnabled) {
      this.#page(context, 503);
      return true;
    }
    const { tlsEnabled, tlsRedirect } = tls;
    const { canonicalHost } = service.options;
    const location = redirectLocation(request, { tlsEnabled, tlsRedirect, canonicalHost });
    if (location === undefined) return false;
    const body = Buffer.from(redirectBody(request.method, location), "latin1");
    exchange.respond(redirectStatus, redirectFields(request.method, location), body, true);
    return true;
  }

  /** Lets the request pass unless the service is stopped, or paused for too long. */
  async #admit(context: RequestContext, service: Service<Transport>): Promise<boolean> {
    const { exchange } = context;
    const { method } = exchange.request;
    const { decodedPath, matchedPrefix } = context;
    if (
      service.gate.state !== "running" &&
      service.isHealthCheck(method, decodedPath, matchedPrefix)
    ) {
      exchange.respond(200, new Fields(), Buffer.alloc(0));
      return false;
    }
    const admission = admit(service.gate, exchange);
    const outcome = typeof admission === "string" ? admission : await admission;
    switch (outcome) {
      case "admitted":
        return true;
      case "stopped":
        this.#page(context, 503, service.gate.stopMessage);
        return false;
      case "expired":
        this.#options.logger.warn("Rejecting request due to expired pause", {
          service: service.name,
          path: context.decodedPath,
        });
        this.#page(context, 504);
        return false;
      case "full":
      case "removed":
        this.#page(context, 503);
        return false;
      case "client-gone":
        this.#fail(context, clientGone());
        return false;
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
    const limit = targetOptions.maxRequestBodyBytes;
    if (limit > 0 && request.framing.kind === "length" && request.framing.length > limit) {
      this.#page(context, 413);
      return "answered";
    }
    const spool = new SpooledBody(this.#spoolOptions(targetOptions.maxMemoryBufferBytes, limit));
    pipe(request.body, spool);
    return spool;
  }

  /** Waits for the whole request body, then for the gate again: a pause may have come meanwhile. */
  async #collect(
    context: RequestContext,
    service: Service<Transport>,
    spool: SpooledBody,
  ): Promise<boolean> {
    const outcome = await spool.collected;
    switch (outcome.kind) {
      case "complete":
        // The last bytes may have been on their way to the disk when the client left.
        if (context.exchange.aborted) {
          this.#fail(context, clientGone());
          return false;
        }
        return service.gate.state === "running" || this.#admit(context, service);
      case "too-large":
        this.#fail(
          context,
          new UpstreamError("request-too-large", "client", "never", "request body too large"),
        );
        return false;
      case "aborted":
        this.#fail(
          context,
          outcome.error instanceof UpstreamError
            ? outcome.error
            : new UpstreamError("client-gone", "client", "never", outcome.error.message),
        );
        return false;
      case "failed":
        this.#fail(context, bufferingError(outcome.error));
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

  /** Sends the request to a target, and on to others while refused connections may be retried. */
  async #offer(
    context: RequestContext,
    service: Service<Transport>,
    spool: SpooledBody | null,
    retry: ConnectRetry | null,
  ): Promise<void> {
    for (;;) {
      const balancer = this.#balancer(context, service);
      let target = this.#claim(context, service, balancer);
      while (target !== null) {
        const error = await this.#forward(context, service, target, balancer, spool);
        if (error === null) return;
        if (retry === null || !retry.takes(error, target)) {
          this.#fail(context, error);
          return;
        }
        target = this.#claim(context, service, balancer, retry.tried);
      }
      if (retry === null || !retry.mayWait) {
        this.#page(context, 503);
        return;
      }
      if (!(await retry.pause(context.exchange))) {
        this.#fail(context, clientGone());
        return;
      }
      // A deploy, a pause or a stop may have come meanwhile.
      if (service.gate.state !== "running" && !(await this.#admit(context, service))) return;
    }
  }

  async #forward(
    context: RequestContext,
    service: Service<Transport>,
    target: Target<Transport>,
    balancer: LoadBalancer<Transport>,
    spool: SpooledBody | null,
  ): Promise<UpstreamError | null> {
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
      rewriteResponse: this.#responseRewriter(context, service, target, balancer),
    });
    forwarding.start();
    return forwarding.done;
  }

  /** Cookies that the response gets or has changed; null for the common case of none. */
  #responseRewriter(
    context: RequestContext,
    service: Service<Transport>,
    target: Target<Transport>,
    balancer: LoadBalancer<Transport>,
  ): ((fields: Fields) => void) | null {
    const { request } = context.exchange;
    const { readTargetsAcceptWebsockets, writerAffinityTimeoutMs } = service.options;
    const writes = !isReadRequest(request.method, request.upgrade, readTargetsAcceptWebsockets);
    const setsAffinity = writes && balancer.hasReaders && writerAffinityTimeoutMs > 0;
    const prefix = service.strippedPrefix(context.matchedPrefix);
    const scopesCookies = target.options.scopeCookiePaths && prefix !== "/";
    if (!setsAffinity && !scopesCookies) return null;
    return (fields) => {
      if (scopesCookies) {
        for (let i = 0; i < fields.count; i++) {
          if (fields.keys[i] !== "set-cookie") continue;
          fields.values[i] = scopeCookiePath(fields.values[i]!, prefix, request.hostName);
        }
      }
      if (setsAffinity) {
        applyWriterAffinity(fields, this.#options.clock.wallMs(), writerAffinityTimeoutMs);
      }
    };
  }

  /** The only way in which an error becomes an answer. */
  #fail(context: RequestContext, error: UpstreamError): void {
    const { exchange } = context;
    const failure = failureOf(error);
    if (failure.level !== "none") {
      this.#options.logger[failure.level](failure.message, {
        target: context.target?.address ?? "",
        path: context.decodedPath,
        error: error.message,
      });
    }
    if (failure.silent) {
      if (exchange.status === 0) context.unsentStatus = failure.status;
      if (!exchange.aborted) exchange.cut();
    } else if (exchange.status === 0) {
      this.#page(context, failure.status);
    } else {
      exchange.cut();
    }
  }

  #page(context: RequestContext, status: number, message?: string): void {
    const { exchange, service } = context;
    if (exchange.aborted) {
      context.unsentStatus = status;
      return;
    }
    const pages = service === null ? this.#options.pages : this.#options.pagesOf(service);
    const fields = Fields.of(["Content-Type", "text/html; charset=utf-8"]);
    exchange.respond(status, fields, Buffer.from(pages.render(status, message)));
  }

  #spoolOptions(maxMemoryBytes: number, maxBytes: number): SpoolOptions {
    const { spoolMemory, spoolFolder } = this.#options;
    return { maxMemoryBytes, maxBytes, memory: spoolMemory, folder: spoolFolder };
  }
}

function clientGone(): UpstreamError {
  return new UpstreamError("client-gone", "client", "never", "the client went away");
}

/** Those of the deployment that the request goes to; a service may have no target at all. */
function optionsOf(balancer: LoadBalancer<Transport>, service: Service<Transport>): TargetOptions {
  return balancer.targets[0]?.options ?? service.targetOptions;
}

function isChallenge(context: RequestContext): boolean {
  return context.exchange.request.path.startsWith("/.well-known/acme-challenge/");
}
