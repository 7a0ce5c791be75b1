/** Where the body of an HTTP/1.x message ends (RFC 9112 6). Anything ambiguous is an error, never a guess. */
import { type BodyFraming, chunkedBody, noBody, untilCloseBody } from "../http/body-framing.ts";
import type { Fields } from "../http/fields.ts";
import { HeadFault } from "../http/head-fault.ts";
import { isBodyless } from "../http/status.ts";
import type { RequestHead } from "../http/message-head.ts";
import type { VersionedResponseHead } from "./response-head.ts";

export function requestFraming(head: RequestHead): BodyFraming | HeadFault {
  const { fields } = head;
  const hasLength = fields.has("content-length");
  if (fields.has("transfer-encoding")) {
    if (hasLength) return new HeadFault(400, "both Content-Length and Transfer-Encoding");
    if (head.version === "HTTP/1.0") return new HeadFault(400, "Transfer-Encoding with HTTP/1.0");
    return isChunkedOnly(fields)
      ? chunkedBody
      : new HeadFault(501, "unsupported Transfer-Encoding");
  }
  return hasLength ? lengthFraming(fields) : noBody;
}

/**
 * `method` is that of the request that the response answers. Fields that don't count are removed from the
 * head, so that what goes on can be read in one way only.
 */
export function responseFraming(
  head: VersionedResponseHead,
  method: string,
): BodyFraming | HeadFault {
  const { fields, status } = head;
  const hasCoding = fields.has("transfer-encoding");
  const hasLength = fields.has("content-length");
  if (method === "HEAD" || isBodyless(status)) {
    const length = hasLength ? lengthFraming(fields) : noBody;
    // No framing field makes an answer wrong that has no body (RFC 9112 6.3); a length that nobody will
    // send would keep clients waiting (RFC 9110 8.6 forbids it with 204).
    const counts = !hasCoding && status !== 204 && !(length instanceof HeadFault);
    if (hasLength && !counts) fields.delete("content-length");
    head.ambiguous = hasCoding ? hasLength || method !== "HEAD" : length instanceof HeadFault;
    return noBody;
  }
  if (!hasCoding) return hasLength ? lengthFraming(fields) : untilCloseBody;
  if (head.version === "HTTP/1.0")
    return new HeadFault(
      400,
      "Transfer-Encoding with HTTP/1.0",
      lineOf(fields, "transfer-encoding"),
    );
  if (!isChunkedOnly(fields))
    return new HeadFault(501, "unsupported Transfer-Encoding", lineOf(fields, "transfer-encoding"));
  // RFC 9112 6.3: chunks override a length, which several app servers send beside.
  if (hasLength) {
    fields.delete("content-length");
    head.ambiguous = true;
  }
  return chunkedBody;
}

function isChunkedOnly(fields: Fields): boolean {
  const codings = fields.all("transfer-encoding");
  return codings.length === 1 && codings[0]!.toLowerCase() === "chunked";
}

/** As many digits as 2^63 - 1 has; more would only be leading zeros. */
const lengthPattern = /^\d{1,19}$/;

/**
 * Equal repeats and leading zeros mean one thing only, but not every recipient would agree:
 * the field is put into the one form that all read alike (RFC 9110 8.6).
 */
function lengthFraming(fields: Fields): BodyFraming | HeadFault {
  const values = fields.all("content-length");
  const first = values[0]!;
  if (!lengthPattern.test(first) || values.some((value) => value !== first)) {
    return new HeadFault(400, "invalid Content-Length", lineOf(fields, "content-length"));
  }
  const length = Number(first);
  // Beyond 2^53 a number is not exact any more; no body is that long.
  if (!Number.isSafeInteger(length))
    return new HeadFault(400, "Content-Length out of range", lineOf(fields, "content-length"));
  const canonical = String(length);
  if (values.length > 1 || canonical !== first) fields.set("Content-Length", canonical);
  return { kind: "length", length };
}

/** Behind the start line, as long as no field was removed. */
function lineOf(fields: Fields, key: string): number {
  return fields.keys.indexOf(key) + 2;
}
