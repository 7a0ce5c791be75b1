/** The log line and the metrics of a request that has ended. */
import { formatAccessLine } from "../telemetry/access-log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Fields } from "../../protocols/http/fields.ts";
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
  for (const { logKey, key } of requestHeaders.of(logRequestHeaders)) {
    custom.push([logKey, requestValue(context, key)]);
  }
  for (const { logKey, key } of responseHeaders.of(logResponseHeaders)) {
    custom.push([logKey, loggedValue(responseFields, key)]);
  }
  return custom;
}

interface LoggedHeader {
  /** Key in the log line. */
  logKey: string;
  /** Of the field. */
  key: string;
}

/**
 * What the names of a deploy's options are in the log: made once for each list. Kamal asks for three
 * headers; making their names anew took about 1 µs a request.
 */
class LoggedHeaders {
  readonly #prefix: string;
  readonly #known = new WeakMap<readonly string[], LoggedHeader[]>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(names: readonly string[]): LoggedHeader[] {
    let headers = this.#known.get(names);
    if (headers === undefined) {
      headers = names.map((name) => {
        const key = name.toLowerCase();
        return { logKey: `${this.#prefix}_${key.replaceAll("-", "_")}`, key };
      });
      this.#known.set(names, headers);
    }
    return headers;
  }
}

const requestHeaders = new LoggedHeaders("req");
const responseHeaders = new LoggedHeaders("resp");

/** As the client sent it; of what the proxy adds to every request, what the target was told. */
function requestValue(context: RequestContext, key: string): string {
  switch (key) {
    case "x-request-id":
      return context.requestId;
    case "x-request-start":
      return context.requestStart;
    case "x-kamal-target":
      return context.forwarded?.kamalTarget ?? loggedValue(context.exchange.request.fields, key);
    default:
      return loggedValue(context.exchange.request.fields, key);
  }
}

/** Several values are joined as kamal-proxy does it, without a blank. */
function loggedValue(fields: Fields | null, key: string): string {
  if (fields === null || !fields.has(key)) return "";
  return fields.all(key).join(",");
}
