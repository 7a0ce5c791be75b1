/** What Bun's server makes of an HTTP/3 request, checked and put back into our own terms. */
import { chunkedBody, noBody, type BodyFraming } from "../../../protocols/http/body-framing.ts";
import { Fields, isFieldValue, isToken } from "../../../protocols/http/fields.ts";
import { HeadFault } from "../../../protocols/http/head-fault.ts";
import { targetAsSent } from "./sent-path.ts";
import { checkRequest, type RequestTargetAndHost } from "../../../protocols/http/request-policy.ts";

export interface FetchRequestHead extends RequestTargetAndHost {
  method: string;
  fields: Fields;
  framing: BodyFraming;
}

/**
 * Bun has refused what RFC 9113 8.2 and 8.3 forbid: bad pseudo fields, upper case and invalid names,
 * CR, LF and NUL, connection fields, an HTTP/2 body of another length than announced.
 * @param segments of the path as it was sent, for `targetAsSent`
 */
export function readFetchRequest(
  request: Request,
  segments: readonly string[],
): FetchRequestHead | HeadFault {
  const fields = fieldsOf(request.headers);
  if (fields instanceof HeadFault) return fields;
  const { method } = request;
  if (!isToken(method)) return new HeadFault(400, "invalid method");
  const framing = framingOf(request, fields);
  if (framing instanceof HeadFault) return framing;
  const told = targetOf(request.url);
  const target = told instanceof HeadFault ? told : targetAsSent(told, segments);
  if (target instanceof HeadFault) return target;
  const checked = checkRequest({ method, target, version: "HTTP/1.1", fields });
  if (checked instanceof HeadFault) return checked;
  return { ...checked, method, fields, framing };
}

function fieldsOf(headers: Headers): Fields | HeadFault {
  // Every name and value is checked here: nothing has to be looked at again.
  const fields = Fields.checked();
  let valid = true;
  // oxlint-disable-next-line unicorn/no-array-for-each -- half the time of an iterator in Bun
  headers.forEach((value, key) => {
    if (!isFieldValue(value)) valid = false;
    fields.appendChecked(key, value, key);
  });
  return valid ? fields : new HeadFault(400, "invalid field value");
}

const authorityPattern = /^https?:\/\/[^/?#]*/i;
// oxlint-disable-next-line no-control-regex
const invalidInTarget = /[\0-\x20\x7f]/;
/** What Bun writes for bytes that are no UTF-8: they are lost, so another path would be asked for. */
const lostBytes = "%EF%BF%BD";

/** The URL without scheme and authority; Host names the authority as it was sent. */
function targetOf(url: string): string | HeadFault {
  const authority = authorityPattern.exec(url);
  // Bun gives no full URL when it can't make one of the authority; Host is then invalid as well.
  const target = authority === null ? url : url.slice(authority[0].length);
  // HTTP/3 knows no fragments: `#` is a character of the path, which HTTP/1.1 has to escape.
  const escaped = target.includes("#") ? target.replaceAll("#", "%23") : target;
  if (!escaped.startsWith("/") && escaped !== "*") return new HeadFault(400, "invalid path");
  if (invalidInTarget.test(escaped)) return new HeadFault(400, "invalid character in path");
  if (escaped.includes(lostBytes)) return new HeadFault(400, "path is not in UTF-8");
  return escaped;
}

function framingOf(request: Request, fields: Fields): BodyFraming | HeadFault {
  const announced = fields.get("content-length");
  const hasBody = request.body !== null;
  // Bun never shows a body of these; over HTTP/3 it shows methods that it does not know as GET with one.
  if (hasBody && (request.method === "GET" || request.method === "HEAD")) {
    return new HeadFault(501, "unknown method");
  }
  if (announced === undefined) return hasBody ? chunkedBody : noBody;
  const length = /^\d{1,15}$/.test(announced) ? Number(announced) : -1;
  if (length < 0) return new HeadFault(400, "invalid Content-Length");
  // Bun drops the body of GET, HEAD and TRACE; without it the request would say something else.
  if (!hasBody && length > 0) return new HeadFault(400, "body with a method that has none");
  return { kind: "length", length };
}
