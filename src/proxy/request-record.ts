/** The log line and the metrics of a request that has ended. */
import { formatAccessLine } from "../telemetry/access-log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fields } from "../http/fields.ts";
import { remoteAddress } from "./forwarded-headers.ts";
import type { RequestContext } from "./request-context.ts";

export interface RequestRecorderOptions {
  metrics: Metrics;
  clock: Clock;
  httpPort: number;
  httpsPort: number;
  writeLine(line: string): void;
}

export class RequestRecorder {
  readonly #options: RequestRecorderOptions;

  constructor(options: RequestRecorderOptions) {
    this.#options = options;
  }

  started(context: RequestContext): void {
    if (!context.excludedFromMetrics) this.#options.metrics.requestStarted(context.service!.name);
  }

  ended(context: RequestContext): void {
    const { metrics, clock, httpPort, httpsPort, writeLine } = this.#options;
    const { exchange, service, target } = context;
    const { request } = exchange;
    const { fields, framing } = request;
    const status = context.unsentStatus || exchange.status || 200;
    const durationMs = clock.now() - context.startedMs;
    const serviceName = service?.name ?? "";
    writeLine(
      formatAccessLine({
        wallMs: clock.wallMs(),
        host: request.host,
        port: request.scheme === "https" ? httpsPort : httpPort,
        path: context.decodedPath,
        requestId: context.requestId,
        status,
        service: serviceName,
        target: target?.address ?? "",
        durationNs: durationMs * 1e6,
        method: request.method,
        reqContentLength:
          framing.kind === "length" ? framing.length : framing.kind === "none" ? 0 : -1,
        reqContentType: fields.get("content-type") ?? "",
        respContentLength: exchange.bodyBytesSent,
        respContentType: exchange.responseFields?.get("content-type") ?? "",
        clientAddr: request.clientAddress,
        clientPort: request.clientPort,
        remoteAddr: remoteAddress(context.origin, service?.options.clientIpHeader ?? ""),
        userAgent: fields.get("user-agent") ?? "",
        proto: request.protocol,
        scheme: request.scheme,
        query: request.query.slice(1),
        customFields: customFields(context),
      }),
    );
    if (context.excludedFromMetrics) return;
    if (service !== null) metrics.requestEnded(serviceName);
    metrics.countRequest(serviceName, request.method, status, durationMs / 1e3);
  }
}

/**
 * Fields named by --log-request-header and --log-response-header, of requests that were on their way
 * to a target.
 */
function customFields(context: RequestContext): [string, string][] | null {
  const options = context.target?.options ?? context.collectedFor;
  if (options === null) return null;
  const { logRequestHeaders, logResponseHeaders } = options;
  if (logRequestHeaders.length + logResponseHeaders.length === 0) return null;
  const custom: [string, string][] = [];
  const { responseFields } = context.exchange;
  for (const name of logRequestHeaders) {
    const key = name.toLowerCase();
    custom.push([customName("req", key), requestValue(context, key)]);
  }
  for (const name of logResponseHeaders) {
    const key = name.toLowerCase();
    custom.push([customName("resp", key), allValues(responseFields, key)]);
  }
  return custom;
}

function customName(prefix: string, key: string): string {
  return `${prefix}_${key.replaceAll("-", "_")}`;
}

/** As the client sent it; of what the proxy adds to every request, what the target was told. */
function requestValue(context: RequestContext, key: string): string {
  switch (key) {
    case "x-request-id":
      return context.requestId;
    case "x-request-start":
      return context.requestStart;
    case "x-kamal-target":
      return context.forwarded?.kamalTarget ?? allValues(context.exchange.request.fields, key);
    default:
      return allValues(context.exchange.request.fields, key);
  }
}

function allValues(fields: Fields | null, key: string): string {
  return fields?.all(key).join(",") ?? "";
}
