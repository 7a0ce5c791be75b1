/**
 * The phases of a request, in order: start reading here. Each phase either answers the exchange or
 * lets it pass to the next; the log line and the metrics come last, whatever happened.
 */
import { Fields } from "../../protocols/http/fields.ts";
import { byteSet, percentDecode, percentEncode } from "../../protocols/http/percent-encoding.ts";
import type { CidrList } from "../../lib/cidr.ts";
import { stackOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type { LiveServices } from "../services/live-services.ts";
import { stripPrefix } from "../services/routed-path.ts";
import type { Service } from "../services/service.ts";
import type { Transport } from "../upstream/transport.ts";
import { Admission } from "./admission.ts";
import { Answers } from "./answers/answers.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import {
  redirectBody,
  redirectFields,
  redirectLocation,
  redirectStatus,
} from "./answers/redirects.ts";
import { RequestContext } from "./request-context.ts";
import type { RequestRecorder } from "./request-record.ts";

/** Bytes that RFC 3986 does not allow in a path. */
const rawBytes = byteSet(/[\x7f-\xff]/);

type ChallengeResponse = { status: number; body: string } | null;

export interface PipelineOptions extends DeliveryOptions {
  logger: Logger;
  services: LiveServices<Transport>;
  recorder: RequestRecorder;
  newRequestId(): string;
  /** Null: kamal-proxy's rule of whose forwarding fields are believed. */
  trustedProxies: CidrList | null;
  /** Null when the service of that host has no automatic certificate. */
  challengeResponse(hostName: string, path: string): ChallengeResponse | Promise<ChallengeResponse>;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #answers: Answers;
  readonly #admission: Admission;
  readonly #delivery: Delivery;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#answers = new Answers(options.logger);
    this.#admission = new Admission(this.#answers, options.logger);
    this.#delivery = new Delivery(options, this.#answers, this.#admission);
  }

  async handle(exchange: Exchange): Promise<void> {
    const context = this.#begin(exchange);
    try {
      await this.#respond(context);
    } catch (error) {
      this.#options.logger.error("Request failed inside the proxy", {
        path: exchange.request.path,
        error: stackOf(error),
      });
      if (exchange.status === 0) this.#answers.page(context, 500);
      else exchange.cut();
    }
    this.#options.recorder.ended(context);
  }

  #begin(exchange: Exchange): RequestContext {
    const { clock, newRequestId, trustedProxies } = this.#options;
    const { fields, clientAddress, clientIsUnnamed, scheme, host } = exchange.request;
    const startedWallMs = clock.wallMs();
    const trusted =
      trustedProxies === null ? null : !clientIsUnnamed && trustedProxies.contains(clientAddress);
    return new RequestContext(
      exchange,
      { fields, clientAddress, scheme, host, trusted, proxies: trustedProxies },
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
      this.#answers.page(context, 404);
      return;
    }
    if (isChallenge(context) && (await this.#answerChallenge(context))) return;
    if (this.#redirect(context, service)) return;
    // Nothing is awaited on the common path: body bytes that came with the head would wait in a copy.
    if (service.gate.state !== "running" && !(await this.#admission.admit(context, service)))
      return;
    await this.#delivery.deliver(context, service);
  }

  /** Finds the service by host and path; null when no service wants the request. */
  #route(context: RequestContext): Service<Transport> | null {
    const { request } = context.exchange;
    context.decodedPath = percentDecode(request.path) ?? request.path;
    const found = this.#options.services.lookup(request.hostName, context.decodedPath);
    if (found === undefined) return null;
    const { value: service, prefix } = found;
    context.service = service;
    context.matchedPrefix = prefix;
    context.targetPath = percentEncode(
      stripPrefix(request.path, service.strippedPrefix(prefix)),
      rawBytes,
    );
    if (service.excludesMetrics) {
      const seen = percentDecode(context.targetPath) ?? context.targetPath;
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
      this.#answers.page(context, 503);
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
}

function isChallenge(context: RequestContext): boolean {
  return context.exchange.request.path.startsWith("/.well-known/acme-challenge/");
}
