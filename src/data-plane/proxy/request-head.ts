/** The head that goes to the target (RFC 9110 7.6). */
import { skippedKeys } from "../../protocols/http1/head-serializer.ts";
import { hopByHopKeys, namedByConnection } from "../../protocols/http/hop-by-hop.ts";
import type { OutgoingHead } from "../../protocols/http/outgoing-head.ts";
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
const dropped = skippedKeys(hopByHopKeys, ownKeys);
/** The announcement of trailers travels with them (RFC 9110 6.6.2). */
const droppedWithTrailers = new Set([...dropped].filter((key) => key !== "trailer"));

export interface OutgoingValues {
  /** Path and query, as they go out. */
  target: string;
  host: string;
  requestId: string;
  requestStart: string;
  forwarded: ForwardedFields;
}

export function outgoingHead(request: ExchangeRequest, values: OutgoingValues): OutgoingHead {
  const { fields, framing } = request;
  const { forwarded } = values;
  const named = namedByConnection(fields.joined("connection"));
  const always = framing.kind === "chunked" ? droppedWithTrailers : dropped;
  const added: [string, string][] = [
    ["X-Forwarded-For", forwarded.forwardedFor],
    ["X-Forwarded-Host", forwarded.forwardedHost],
    ["X-Forwarded-Proto", forwarded.forwardedProto],
    ["X-Kamal-Target", forwarded.kamalTarget],
    ["X-Request-Id", values.requestId],
    ["X-Request-Start", values.requestStart],
  ];
  const te = fields.joined("te");
  if (te !== undefined && acceptsTrailers(te)) added.push(["TE", "trailers"]);
  return {
    method: request.method,
    authority: values.host,
    target: values.target,
    received: fields,
    dropped: named === null ? always : new Set([...always, ...named]),
    added,
  };
}

function acceptsTrailers(te: string): boolean {
  return /(^|[,\s])trailers([,;\s]|$)/i.test(te);
}
