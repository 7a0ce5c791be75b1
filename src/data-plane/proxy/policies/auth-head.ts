/**
 * The question that --forward-auth asks, as Caddy and Traefik ask it: GET with the fields of the request, and what
 * was asked of us in X-Forwarded-Method and -Uri. Nothing that says where a request came from is taken over:
 * auth servers believe X-Original-URL and its like.
 */
import type { ServiceOptions } from "../../../config/options.ts";
import { forwardingKeys } from "../../../protocols/http/forwarding-keys.ts";
import { hopByHopKeys, namedByConnection } from "../../../protocols/http/hop-by-hop.ts";
import { skippedKeys } from "../../../protocols/http/key-spellings.ts";
import type { OutgoingHead } from "../../../protocols/http/outgoing-head.ts";
import { forwardedFields } from "../forwarded-headers.ts";
import { ownKeys } from "../request-head.ts";
import type { RoutedRequest } from "../request-stages.ts";

/** They speak of the body, of a copy of what the app answers, or of a part of it. */
const contentKeys = [
  "content-encoding",
  "content-type",
  "expect",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "x-forwarded-method",
  "x-original-method",
];
/** Access is decided by it: --forward-headers, which believes anybody, does not count. */
const trustedAlone = { forwardHeaders: false, clientIpHeader: "" };
/** The client's own, whatever the answer may set. */
const credentialKeys: readonly string[] = ["authorization", "cookie"];

/** It differs for each question, and nothing depends on it. */
const requestIdName = "X-Request-Id";

export class AuthHeads {
  readonly #dropped: ReadonlySet<string>;

  constructor(options: ServiceOptions) {
    const asksForPassword = options.basicAuth.length > 0 || options.basicAuthFile !== "";
    const copied = options.forwardAuthCopyHeaders.map((name) => name.toLowerCase());
    this.#dropped = skippedKeys(
      hopByHopKeys,
      ownKeys,
      forwardingKeys,
      contentKeys,
      copied.filter((key) => !credentialKeys.includes(key)),
      options.clientIpHeader === "" ? [] : [options.clientIpHeader.toLowerCase()],
      // It is the password of --basic-auth.
      asksForPassword && !options.basicAuthForward ? ["authorization"] : [],
    );
  }

  of(request: RoutedRequest, authority: string, target: string): OutgoingHead {
    const { method, path, query, fields } = request.exchange.request;
    const { forwardedHost, forwardedProto } = forwardedFields(request.origin, trustedAlone, "");
    const named = namedByConnection(fields.joined("connection"));
    return {
      method: "GET",
      authority,
      target,
      received: fields,
      dropped: named === null ? this.#dropped : new Set([...this.#dropped, ...named]),
      added: [
        // Alone: of a list many take the first, which anybody may have made up.
        "X-Forwarded-For",
        request.clientAddress,
        "X-Forwarded-Host",
        forwardedHost,
        "X-Forwarded-Proto",
        forwardedProto,
        "X-Forwarded-Method",
        method,
        "X-Forwarded-Uri",
        path + query,
        requestIdName,
        request.requestId,
      ],
    };
  }
}

/** All that the answer may depend on, as text. */
export function questionText({
  authority,
  target,
  received,
  dropped,
  added,
}: OutgoingHead): string {
  let text = `${authority} ${target}\n`;
  for (let i = 0; i < received.count; i++) {
    const key = received.keys[i]!;
    if (!dropped.has(key)) text += `${key}:${received.values[i]}\n`;
  }
  for (let i = 0; i < added.length; i += 2) {
    if (added[i] !== requestIdName) text += `${added[i]}:${added[i + 1]}\n`;
  }
  return text;
}
