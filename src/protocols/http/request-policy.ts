/** What of all well-formed requests is served: method, target, Host, Expect (RFC 9110 7 to 10). */
import { maxListElements } from "../../config/limits.ts";
import { hasMoreElements, listElements, type Fields } from "./fields.ts";
import type { RequestHead } from "./message-head.ts";
import { HeadFault } from "./head-fault.ts";
import { requestHost } from "./host.ts";
import { hasBrokenEscape } from "./percent-encoding.ts";
import { parseRequestTarget } from "./request-target.ts";

export interface RequestTargetAndHost {
  /** As sent; `*` for `OPTIONS *`. */
  path: string;
  /** As sent, with its question mark; empty when there is none. */
  query: string;
  /** Authority of an absolute target, else the Host field, as sent. */
  host: string;
  /** The same in comparable form, without port. */
  hostName: string;
}

export function checkRequest(head: RequestHead): RequestTargetAndHost | HeadFault {
  if (head.method === "CONNECT") return new HeadFault(405, "CONNECT");
  const target = parseRequestTarget(head.target, head.method);
  if (target === undefined) return new HeadFault(400, "invalid request target");
  const { path, query } = target;
  if (hasBrokenEscape(path)) return new HeadFault(400, "broken escape in path");
  const host = requestHost(head, target);
  if (host instanceof HeadFault) return host;
  if (!isKnownExpectation(head.fields)) return new HeadFault(417, "unknown expectation");
  return { path, query, host: host.value, hostName: host.name };
}

/** RFC 9110 10.1.1 knows one expectation; an empty field asks for nothing. */
function isKnownExpectation(fields: Fields): boolean {
  const value = fields.joined("expect");
  if (value === undefined) return true;
  if (hasMoreElements(value, maxListElements)) return false;
  return listElements(value).every((element) => element.toLowerCase() === "100-continue");
}
