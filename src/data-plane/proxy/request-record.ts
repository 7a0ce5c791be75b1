/** The log line and the metrics of a request that has ended. */
import { formatAccessLine } from "../telemetry/access-log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import { remoteAddress } from "./forwarded-headers.ts";
import type { ReceivedRequest, RoutedRequest } from "./request-stages.ts";

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

  started(request: RoutedRequest): void {
    if (!request.excludedFromMetrics) this.#options.metrics.requestStarted(request.service.name);
  }

  /** `routed` is null when no service wanted it. */
  ended(received: ReceivedRequest, routed: RoutedRequest | null): void {
    const { metrics, clock, httpPort, httpsPort, writeLine } = this.#options;
    const { exchange } = received;
    const { request } = exchange;
    const { fields, framing } = request;
    const { status } = received;
    const durationMs = clock.now() - received.startedMs;
    const serviceName = routed?.service.name ?? "";
    writeLine(
      formatAccessLine({
        wallMs: clock.wallMs(),
        host: request.host,
        port: request.scheme === "https" ? httpsPort : httpPort,
        path: received.decodedPath,
        requestId: received.requestId,
        status,
        service: serviceName,
        target: routed?.delivered?.target.address ?? "",
        durationNs: durationMs * 1e6,
        method: request.method,
        reqContentLength:
          framing.kind === "length" ? framing.length : framing.kind === "none" ? 0 : -1,
        reqContentType: fields.get("content-type") ?? "",
        respContentLength: exchange.bodyBytesSent,
        respContentType: exchange.responseFields?.get("content-type") ?? "",
        clientAddr: request.client.address,
        clientPort: request.client.port,
        remoteAddr: remoteAddress(received.origin, routed?.service.options.clientIpHeader ?? ""),
        userAgent: fields.get("user-agent") ?? "",
        proto: request.protocol,
        scheme: request.scheme,
        query: request.query.slice(1),
        customFields: routed === null ? null : customFields(routed),
        policy: routed?.answeredBy ?? null,
        rollout: routed?.rollout ?? null,
        traceId: routed?.trace?.traceId ?? null,
        error: received.error,
      }),
    );
    if (routed?.excludedFromMetrics === true) return;
    if (routed !== null) metrics.requestEnded(serviceName);
    if (routed?.answeredBy) metrics.countAnsweredBy(serviceName, routed.answeredBy);
    const rollout = routed?.rollout ?? null;
    const seconds = durationMs / 1e3;
    const { bodyBytesSent } = exchange;
    metrics.countRequest(serviceName, request.method, status, seconds, rollout, bodyBytesSent);
  }
}

/**
 * Fields named by --log-request-header and --log-response-header, of requests that were on their way
 * to a target.
 */
function customFields(request: RoutedRequest): [string, string][] | null {
  const options = request.delivered?.target.options ?? request.collectedFor;
  if (options === null) return null;
  const { logRequestHeaders, logResponseHeaders } = options;
  if (logRequestHeaders.length + logResponseHeaders.length === 0) return null;
  const custom: [string, string][] = [];
  const { responseFields } = request.exchange;
  for (const { logKey, key } of requestHeaders.of(logRequestHeaders)) {
    custom.push([logKey, requestValue(request, key)]);
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
function requestValue({ received, delivered }: RoutedRequest, key: string): string {
  switch (key) {
    case "x-request-id":
      return received.requestId;
    case "x-request-start":
      return received.requestStart;
    case "x-kamal-target":
      return delivered?.forwarded.kamalTarget ?? loggedValue(received.exchange.request.fields, key);
    default:
      return loggedValue(received.exchange.request.fields, key);
  }
}

/** Several values are joined as kamal-proxy does it, without a blank. */
function loggedValue(fields: Fields | null, key: string): string {
  if (fields === null || !fields.has(key)) return "";
  return fields.all(key).join(",");
}
