/** The head that goes to the target (RFC 9110 7.6): one pass over the fields that came. */
import type { BodyFraming } from "../../protocols/http/body-framing.ts";
import {
  appendField,
  appendFields,
  requestLine,
  skippedKeys,
} from "../../protocols/http1/head-serializer.ts";
import { hopByHopKeys, namedByConnection } from "../../protocols/http/hop-by-hop.ts";
import type { ForwardedFields } from "./forwarded-headers.ts";
import type { ExchangeRequest } from "../../protocols/http/exchange.ts";

/** Fields that the proxy sets itself or that no target should see. */
const ownKeys = [
  "content-length",
  "forwarded",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-kamal-target",
  "x-request-id",
  "x-request-start",
];
const skipped = skippedKeys(hopByHopKeys, ownKeys);
/** The announcement of trailers travels with them (RFC 9110 6.6.2). */
const skippedWithTrailers = new Set([...skipped].filter((key) => key !== "trailer"));

export interface OutgoingValues {
  /** Path and query, as they go out. */
  target: string;
  host: string;
  requestId: string;
  requestStart: string;
  forwarded: ForwardedFields;
}

export function requestHead(request: ExchangeRequest, values: OutgoingValues): string {
  const { fields, framing } = request;
  const named = namedByConnection(fields.joined("connection"));
  let text = appendField(requestLine(request.method, values.target), "Host", values.host);
  text = appendFields(
    text,
    fields,
    framing.kind === "chunked" ? skippedWithTrailers : skipped,
    named,
  );
  const { forwarded } = values;
  text = appendField(text, "X-Forwarded-For", forwarded.forwardedFor);
  text = appendField(text, "X-Forwarded-Host", forwarded.forwardedHost);
  text = appendField(text, "X-Forwarded-Proto", forwarded.forwardedProto);
  text = appendField(text, "X-Kamal-Target", forwarded.kamalTarget);
  text = appendField(text, "X-Request-Id", values.requestId);
  text = appendField(text, "X-Request-Start", values.requestStart);
  if (fields.has("te") && acceptsTrailers(fields.joined("te")!)) text += "TE: trailers\r\n";
  if (request.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
  return `${text}${framingLine(request.method, framing)}\r\n`;
}

function framingLine(method: string, framing: BodyFraming): string {
  if (framing.kind === "length") return `Content-Length: ${framing.length}\r\n`;
  if (framing.kind === "chunked") return "Transfer-Encoding: chunked\r\n";
  // RFC 9110 8.6: a method that anticipates content says when there is none.
  const anticipates = method === "POST" || method === "PUT" || method === "PATCH";
  return anticipates ? "Content-Length: 0\r\n" : "";
}

function acceptsTrailers(te: string): boolean {
  return /(^|[,\s])trailers([,;\s]|$)/i.test(te);
}
