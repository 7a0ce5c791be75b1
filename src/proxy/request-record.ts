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

/** Fields named by --log-request-header and --log-response-header, once a target was chosen. */
function customFields(context: RequestContext): [string, string][] | null {
  const options = context.target?.options;
  if (options === undefined) return null;
  const { logRequestHeaders, logResponseHeaders } = options;
  if (logRequestHeaders.length + logResponseHeaders.length === 0) return null;
  const custom: [string, string][] = [];
  const { request, responseFields } = context.exchange;
  for (const name of logRequestHeaders) custom.push(customField("req", name, request.fields));
  for (const name of logResponseHeaders) custom.push(customField("resp", name, responseFields));
  return custom;
}

function customField(prefix: string, name: string, fields: Fields | null): [string, string] {
  const key = name.toLowerCase();
  return [`${prefix}_${key.replaceAll("-", "_")}`, fields?.all(key).join(",") ?? ""];
}
