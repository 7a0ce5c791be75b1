/** The head that goes to the target (RFC 9110 7.6). */
import type { BodyFraming } from "../../protocols/http/body-framing.ts";
import { skippedKeys } from "../../protocols/http/key-spellings.ts";
import { hopByHopKeys, namedByConnection } from "../../protocols/http/hop-by-hop.ts";
import type { OutgoingHead } from "../../protocols/http/outgoing-head.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import type { ForwardedFields } from "./forwarded-headers.ts";
import { forwardingKeys } from "../../protocols/http/forwarding-keys.ts";
import type { ExchangeRequest } from "../../protocols/http/exchange.ts";

/** Fields that the proxy sets itself or that no target should see. */
export const ownKeys = [
  "content-length",
  "forwarded",
  "host",
  "x-client-cert-fingerprint",
  "x-client-cert-serial",
  "x-client-cert-subject",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-kamal-target",
  "x-request-id",
  "x-request-start",
];
/** By whether trailers follow, whose announcement travels with them (RFC 9110 6.6.2). */
const dropped = withAndWithoutTrailer(skippedKeys(hopByHopKeys, ownKeys));
const droppedOfStrangers = withAndWithoutTrailer(
  skippedKeys(hopByHopKeys, ownKeys, forwardingKeys),
);

function withAndWithoutTrailer(keys: ReadonlySet<string>) {
  return { all: keys, butTrailer: new Set([...keys].filter((key) => key !== "trailer")) };
}

export interface OutgoingValues {
  /** Path and query, as they go out. */
  target: string;
  host: string;
  requestId: string;
  requestStart: string;
  forwarded: ForwardedFields;
  /** There are trusted proxies, and the client is none of them. */
  isStranger: boolean;
  /** Field in which a proxy in front names the client; empty: none. */
  clientIpHeader: string;
}

export function outgoingHead(
  request: ExchangeRequest,
  framing: BodyFraming,
  values: OutgoingValues,
): OutgoingHead {
  const { fields } = request;
  const { forwarded } = values;
  const named = values.isStranger
    ? namedByConnectionOrStranger(fields, values.clientIpHeader)
    : namedByConnection(fields.joined("connection"));
  const keys = values.isStranger ? droppedOfStrangers : dropped;
  const always = framing.kind === "chunked" ? keys.butTrailer : keys.all;
  const added = [
    "X-Forwarded-For",
    forwarded.forwardedFor,
    "X-Forwarded-Host",
    forwarded.forwardedHost,
    "X-Forwarded-Proto",
    forwarded.forwardedProto,
    "X-Kamal-Target",
    forwarded.kamalTarget,
    "X-Request-Id",
    values.requestId,
    "X-Request-Start",
    values.requestStart,
  ];
  const te = fields.joined("te");
  if (te !== undefined && acceptsTrailers(te)) added.push("TE", "trailers");
  return {
    method: request.method,
    authority: values.host,
    target: values.target,
    received: fields,
    dropped: named === null ? always : new Set([...always, ...named]),
    added,
  };
}

/** Of a stranger also the field that the service reads the client's address from. */
function namedByConnectionOrStranger(
  fields: Fields,
  clientIpHeader: string,
): ReadonlySet<string> | null {
  const named = namedByConnection(fields.joined("connection"));
  if (clientIpHeader === "") return named;
  const spellings = skippedKeys([clientIpHeader.toLowerCase()]);
  if (!fields.keys.some((key) => spellings.has(key))) return named;
  return named === null ? spellings : new Set([...named, ...spellings]);
}

function acceptsTrailers(te: string): boolean {
  return /(^|[,\s])trailers([,;\s]|$)/i.test(te);
}
