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

/** `method` is that of the request that the response answers. */
export function responseFraming(
  head: VersionedResponseHead,
  method: string,
): BodyFraming | HeadFault {
  const { fields, status } = head;
  // Wrong framing fields are refused even where no body can follow (HEAD, 304).
  const length = fields.has("content-length") ? lengthFraming(fields) : undefined;
  if (length instanceof HeadFault) return length;
  const hasCoding = fields.has("transfer-encoding");
  if (hasCoding) {
    const ambiguous = length !== undefined || head.version === "HTTP/1.0";
    if (ambiguous) return new HeadFault(400, "ambiguous framing of the response");
    if (!isChunkedOnly(fields)) return new HeadFault(501, "unsupported Transfer-Encoding");
  }
  // A length that nothing follows would keep a client waiting (RFC 9110 8.6 forbids it).
  if (status === 204) fields.delete("content-length");
  if (method === "HEAD" || isBodyless(status)) return noBody;
  if (hasCoding) return chunkedBody;
  return length ?? untilCloseBody;
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
    return new HeadFault(400, "invalid Content-Length");
  }
  const length = Number(first);
  // Beyond 2^53 a number is not exact any more; no body is that long.
  if (!Number.isSafeInteger(length)) return new HeadFault(400, "Content-Length out of range");
  const canonical = String(length);
  if (values.length > 1 || canonical !== first) fields.set("Content-Length", canonical);
  return { kind: "length", length };
}
