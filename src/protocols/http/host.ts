/** The Host field and host names (RFC 9110 7.2, RFC 3986 3.2.2). */
import { normalHostName } from "../../lib/host-name.ts";
import { isIpv6 } from "../../lib/ip-address.ts";
import type { RequestHead } from "./message-head.ts";
import { HeadFault } from "./head-fault.ts";
import type { RequestTarget } from "./request-target.ts";

export interface HostAndPort {
  /** Lower case, without brackets and final dot. */
  name: string;
  port: string;
}

export interface RequestHost {
  /** As sent, with its port. */
  value: string;
  /** In comparable form. */
  name: string;
}

/**
 * The host that a request is for. HTTP/1.1 asks for exactly one Host field, even when the target
 * names a host, which then wins (RFC 9112 3.2). Several are refused in any version.
 */
export function requestHost(head: RequestHead, target: RequestTarget): RequestHost | HeadFault {
  const index = head.fields.keys.indexOf("host");
  if (index < 0 && head.version !== "HTTP/1.0") return new HeadFault(400, "missing Host");
  if (index >= 0 && head.fields.keys.indexOf("host", index + 1) >= 0) {
    return new HeadFault(400, "several Host fields");
  }
  const field = index < 0 ? "" : head.fields.values[index]!;
  const parsed = parseHost(field);
  if (parsed === undefined) return new HeadFault(400, "invalid Host");
  if (target.authority === null) return { value: field, name: parsed.name };
  const authority = parseHost(target.authority);
  if (authority === undefined) return new HeadFault(400, "invalid host in request target");
  return { value: target.authority, name: authority.name };
}

const namePattern = /^[A-Za-z0-9\-._~%!$&'()*+,;=]*$/;
const badEscape = /%(?![0-9A-Fa-f]{2})/;
const bracketPattern = /^\[([0-9A-Fa-f:.]+)\]$/;
const portPattern = /^\d*$/;

/**
 * Undefined when it is not a valid host with an optional numeric port. An empty host is one
 * (a request need not name any), but not with a port behind it.
 */
export function parseHost(value: string): HostAndPort | undefined {
  let name = value;
  let port = "";
  const colon = value.lastIndexOf(":");
  if (colon >= 0 && colon > value.lastIndexOf("]")) {
    name = value.slice(0, colon);
    port = value.slice(colon + 1);
    if (name === "" || !portPattern.test(port) || Number(port) > 65_535) return undefined;
  }
  if (name.charCodeAt(0) === 0x5b) {
    const literal = bracketPattern.exec(name)?.[1];
    if (literal === undefined || !isIpv6(literal)) return undefined;
    return { name: literal.toLowerCase(), port };
  }
  if (!namePattern.test(name) || badEscape.test(name)) return undefined;
  return { name: normalHostName(name), port };
}
