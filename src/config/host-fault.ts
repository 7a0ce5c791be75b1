/** Hosts that no request could ever name, and what was meant by them. */
import { isIpAddress } from "../lib/ip-address.ts";

/** What a Host field can carry (RFC 3986 3.2.2). */
const nameCharacters = /^[A-Za-z0-9\-._~%!$&'()*+,;=]+$/;

/** Undefined when a request can match it; the empty host means any. */
export function hostFault(host: string): string | undefined {
  if (host === "" || isIpAddress(host.replace(/^\[(.*)\]$/, "$1"))) return undefined;
  const name = nameIn(host);
  if (name !== host) {
    return name === "" ? "is no host name" : `must be a host name alone, such as ${name}`;
  }
  if (!nameCharacters.test(name)) return "has characters that no host name can have";
  if (/^\.|\.\./.test(name)) return "has an empty label";
  if (name === "*") return "is no host name; without a host the service has them all";
  if (name.replace(/^\*\./, "").includes("*")) return "a wildcard stands for the first label alone";
  return undefined;
}

/** Without scheme, user, port, path and blanks around it. */
function nameIn(host: string): string {
  return host
    .trim()
    .replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, "")
    .replace(/[/?#].*$/s, "")
    .replace(/^.*@/s, "")
    .replace(/:[0-9]*$/, "");
}
