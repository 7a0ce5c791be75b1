/** A span of a request as OTLP has it in JSON, with the names of OpenTelemetry's conventions for HTTP. Pure. */
import { jsonFromText } from "../../go/json-string.ts";
import { loggedValueJson } from "./access-log.ts";

export interface SpanEvent {
  name: string;
  /** Milliseconds since 1970, with fraction. */
  wallMs: number;
  attributes: readonly SpanAttribute[];
}

/** Texts of clients are byte strings; numbers are whole. */
export type SpanAttribute = readonly [key: string, value: string | number | boolean];

export interface Span {
  traceId: string;
  spanId: string;
  parentId: string | null;
  /** As received; empty: none. */
  traceState: string;
  name: string;
  startedWallMs: number;
  endedWallMs: number;
  attributes: readonly SpanAttribute[];
  events: readonly SpanEvent[];
  failed: boolean;
}

const server = 2;
const error = 2;

export function spanJson(span: Span): string {
  const parent = span.parentId === null ? "" : `"parentSpanId":"${span.parentId}",`;
  const state = span.traceState === "" ? "" : `"traceState":${loggedValueJson(span.traceState)},`;
  const status = span.failed ? `{"code":${error}}` : "{}";
  const events = span.events.map(
    ({ name, wallMs, attributes }) =>
      `{"timeUnixNano":"${nanoseconds(wallMs)}","name":"${name}","attributes":${attributesJson(attributes)}}`,
  );
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}",${parent}${state}` +
    `"name":${loggedValueJson(span.name)},"kind":${server},` +
    `"startTimeUnixNano":"${nanoseconds(span.startedWallMs)}",` +
    `"endTimeUnixNano":"${nanoseconds(span.endedWallMs)}",` +
    `"attributes":${attributesJson(span.attributes)},"events":[${events.join(",")}],"status":${status}}`
  );
}

/** What stands around the spans of one export. */
export function exportJson(
  resource: readonly (readonly [key: string, value: string])[],
  version: string,
  spans: readonly string[],
): string {
  const attributes = resource.map(
    ([key, value]) => `{"key":${jsonFromText(key)},"value":{"stringValue":${jsonFromText(value)}}}`,
  );
  return (
    `{"resourceSpans":[{"resource":{"attributes":[${attributes.join(",")}]},` +
    `"scopeSpans":[{"scope":{"name":"kamal-proxy","version":${jsonFromText(version)}},` +
    `"spans":[${spans.join(",")}]}]}]}`
  );
}

function attributesJson(attributes: readonly SpanAttribute[]): string {
  return `[${attributes.map(([key, value]) => `{"key":"${key}","value":${valueJson(value)}}`).join(",")}]`;
}

/** Whole numbers of 64 bits are texts in JSON of protocol buffers. */
function valueJson(value: string | number | boolean): string {
  if (typeof value === "string") return `{"stringValue":${loggedValueJson(value)}}`;
  if (typeof value === "boolean") return `{"boolValue":${value}}`;
  return `{"intValue":"${Math.trunc(value)}"}`;
}

/** A number holds milliseconds exactly, but not nanoseconds. */
function nanoseconds(wallMs: number): string {
  const wholeMs = Math.floor(wallMs);
  const rest = Math.min(999_999, Math.floor((wallMs - wholeMs) * 1e6));
  return `${wholeMs}${String(rest).padStart(6, "0")}`;
}
