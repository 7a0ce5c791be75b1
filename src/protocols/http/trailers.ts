/** Trailers that may be passed on (RFC 9110 6.5). */
import { Fields } from "./fields.ts";
import { forwardingKeys } from "./forwarding-keys.ts";
import { skippedKeys } from "./key-spellings.ts";

/** Fields that must not be trailers: framing, routing, authentication (RFC 9110 6.5.1). */
const unsafeTrailers = skippedKeys(forwardingKeys, [
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "www-authenticate",
]);

/** What the proxy itself tells apps, in the spellings that CGI-like servers take for the same. */
const ownFields = /^x[-_](?:client[-_]cert[-_]|forwarded[-_]|kamal[-_]|request[-_](?:id|start)$)/;

/** What of them may be passed on; null: nothing. */
export function withoutUnsafeTrailers(fields: Fields): Fields | null {
  const safe = Fields.checked();
  for (let i = 0; i < fields.count; i++) {
    const key = fields.keys[i]!;
    if (unsafeTrailers.has(key) || ownFields.test(key)) continue;
    safe.appendChecked(fields.names[i]!, fields.values[i]!, key);
  }
  return safe.count === 0 ? null : safe;
}
