/** The head that goes to the target (RFC 9110 7.6): one pass over the fields that came. */
import type { BodyFraming } from "../http/body-framing.ts";
import { isHopByHop, namedByConnection } from "../http/hop-by-hop.ts";
import type { ForwardedFields } from "./forwarded-headers.ts";
import type { ExchangeRequest } from "./exchange.ts";

/** Fields that the proxy sets itself or that no target should see. */
const ownKeys = new Set([
  "content-length",
  "forwarded",
  "http2-settings",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-kamal-target",
  "x-request-id",
  "x-request-start",
]);

export interface OutgoingValues {
  /** Path and query, as they go out. */
  target: string;
  requestId: string;
  requestStart: string;
  forwarded: ForwardedFields;
}

export function requestHead(request: ExchangeRequest, values: OutgoingValues): string {
  const { fields } = request;
  const named = namedByConnection(fields.joined("connection"));
  let text = `${request.method} ${values.target} HTTP/1.1\r\nHost: ${request.host}\r\n`;
  for (let i = 0; i < fields.count; i++) {
    const key = fields.keys[i]!;
    if (key === "host" || ownKeys.has(key) || dropped(key, request.framing)) continue;
    if (named !== null && named.has(key)) continue;
    text += `${fields.names[i]}: ${fields.values[i]}\r\n`;
  }
  const { forwarded } = values;
  text +=
    `X-Forwarded-For: ${forwarded.forwardedFor}\r\n` +
    `X-Forwarded-Host: ${forwarded.forwardedHost}\r\n` +
    `X-Forwarded-Proto: ${forwarded.forwardedProto}\r\n` +
    `X-Kamal-Target: ${forwarded.kamalTarget}\r\n` +
    `X-Request-Id: ${values.requestId}\r\n` +
    `X-Request-Start: ${values.requestStart}\r\n`;
  if (fields.has("te") && acceptsTrailers(fields.joined("te")!)) text += "TE: trailers\r\n";
  if (request.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
  return `${text}${framingLine(request.method, request.framing)}\r\n`;
}

function dropped(key: string, framing: BodyFraming): boolean {
  // The announcement of trailers travels with them (RFC 9110 6.6.2).
  if (key === "trailer") return framing.kind !== "chunked";
  return isHopByHop(key);
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
