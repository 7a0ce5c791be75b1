/**
 * --trace-context: to which trace a request belongs (W3C Trace Context, level 1), what the target is told of
 * it, and, where somebody collects spans, a span of each request with what happened to it.
 */
import type { Clock } from "../../../lib/clock.ts";
import { skippedKeys } from "../../../protocols/http/key-spellings.ts";
import { type SpanAttribute, spanJson } from "../../telemetry/span-json.ts";
import type { SpanExporter } from "../../telemetry/span-exporter.ts";
import { byteString } from "../../services/byte-string.ts";
import type { RoutedRequest } from "../request-stages.ts";
import { DroppedKeys } from "./dropped-keys.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

const parentKey = "traceparent";
const stateKey = "tracestate";
const dropsParent = new DroppedKeys(skippedKeys([parentKey]));
/** Without the one the other says nothing (3.3.1). */
const dropsBoth = new DroppedKeys(skippedKeys([parentKey, stateKey]));

export const traceContext: PolicyFactory = ({ options }, { tracing, clock }): Policy | null => {
  const { traceContext: mode } = options;
  if (mode === "off") return null;
  const { exporter } = tracing;
  return {
    logName: null,
    onRequest(request) {
      const { fields } = request.exchange.request;
      const received = fields.has(parentKey) ? fields.all(parentKey) : [];
      request.trace = tracing.begin(received, mode === "generate");
      return "pass";
    },
    onOutgoing({ routed, target }, head) {
      const { trace } = routed;
      if (trace === null || trace.parentId === null) {
        // What was not understood goes no further.
        if (head.received.has(parentKey) || trace !== null) {
          head.dropped = dropsBoth.with(head.dropped);
        }
      } else if (trace.outgoing !== null) {
        head.dropped = dropsParent.with(head.dropped);
      }
      if (trace?.outgoing) head.added.push(parentKey, trace.outgoing);
      record(routed, clock, "request sent", [["kamal.target", target.address]]);
    },
    ...(exporter !== null && recording(exporter, clock)),
  };
};

function recording(exporter: SpanExporter, clock: Clock): Partial<Policy> {
  return {
    onResponse({ routed }, { status }) {
      record(routed, clock, "response received", [["http.response.status_code", status]]);
    },
    onAttempt({ routed }, error) {
      if (error !== null) record(routed, clock, "attempt failed", [["error.type", error.code]]);
    },
    onEnd(request) {
      if (request.trace?.spanId) exporter.add(spanOf(request, request.trace.spanId, clock));
    },
  };
}

/** Behind all other policies: what they let pass waits for a pause to end, and for its body, from here on. */
export const tracedPolicies: PolicyFactory = ({ options }, { tracing, clock }): Policy | null => {
  if (options.traceContext === "off" || tracing.exporter === null) return null;
  return {
    logName: null,
    onRequest(request) {
      record(request, clock, "policies passed", []);
      return "pass";
    },
  };
};

function record(
  request: RoutedRequest,
  clock: Clock,
  name: string,
  attributes: readonly SpanAttribute[],
): void {
  const { trace } = request;
  if (trace === null || trace.spanId === null) return;
  trace.events.push({ name, wallMs: wallNow(request, clock), attributes });
}

/** By the monotonic clock since it began: no span ends before its start. */
function wallNow({ received }: RoutedRequest, clock: Clock): number {
  return received.startedWallMs + (clock.now() - received.startedMs);
}

function spanOf(routed: RoutedRequest, spanId: string, clock: Clock): string {
  const { received, service, delivered, rollout, answeredBy, trace } = routed;
  const { request } = received.exchange;
  const { method, fields, scheme, hostName, protocol, client } = request;
  const status = received.status;
  const failed = status >= 500;
  const attributes: SpanAttribute[] = [
    ["http.request.method", method],
    ["http.response.status_code", status],
    ["url.scheme", scheme],
    ["url.path", request.path],
    ["server.address", hostName],
    ["network.protocol.version", protocol.slice(protocol.indexOf("/") + 1)],
    ["network.peer.address", client.address],
    ["client.address", routed.clientAddress],
    ["user_agent.original", fields.get("user-agent") ?? ""],
    ["http.response.body.size", received.exchange.bodyBytesSent],
    ["kamal.service", byteString(service.name)],
    ["kamal.request_id", received.requestId],
  ];
  if (delivered !== null) attributes.push(["kamal.target", delivered.target.address]);
  if (rollout !== null) attributes.push(["kamal.rollout", rollout]);
  if (answeredBy !== null) attributes.push(["kamal.policy", answeredBy]);
  if (received.error !== "") attributes.push(["error.type", received.error.split(":", 1)[0]!]);
  else if (failed) attributes.push(["error.type", String(status)]);
  return spanJson({
    traceId: trace!.traceId,
    spanId,
    parentId: trace!.parentId,
    traceState: trace!.parentId === null ? "" : (fields.joined(stateKey) ?? ""),
    name: method,
    startedWallMs: received.startedWallMs,
    endedWallMs: wallNow(routed, clock),
    attributes,
    events: trace!.events,
    failed,
  });
}
