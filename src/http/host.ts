/** The Host field and host names (RFC 9110 7.2, RFC 3986 3.2.2). */

export interface HostAndPort {
  /** Lower case, without brackets and final dot. */
  name: string;
  port: string;
}

const namePattern = /^[A-Za-z0-9\-._~%!$&'()*+,;=]*$/;
const bracketPattern = /^\[([0-9A-Fa-f:.]+)\]$/;
const portPattern = /^\d*$/;

/** Undefined when it is not a valid host with an optional numeric port. */
export function parseHost(value: string): HostAndPort | undefined {
  let name = value;
  let port = "";
  const colon = value.lastIndexOf(":");
  if (colon >= 0 && colon > value.lastIndexOf("]")) {
    name = value.slice(0, colon);
    port = value.slice(colon + 1);
    if (!portPattern.test(port) || Number(port) > 65_535) return undefined;
  }
  if (name.charCodeAt(0) === 0x5b) {
    const literal = bracketPattern.exec(name);
    return literal === null ? undefined : { name: literal[1]!.toLowerCase(), port };
  }
  if (!namePattern.test(name)) return undefined;
  return { name: normalizeHost(name), port };
}

/** The form in which hosts are compared: lower case, without the final dot of a full name. */
export function normalizeHost(name: string): string {
  const lower = name.toLowerCase();
  return lower.length > 1 && lower.endsWith(".") ? lower.slice(0, -1) : lower;
}
