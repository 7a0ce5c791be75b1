/** Cookies of an app that does not know that it is served below a path. */
import { normalHostName } from "../../lib/host-name.ts";
import { byteSet, percentDecode, percentEncode } from "../../protocols/http/percent-encoding.ts";
import { formatSetCookie, parseSetCookie } from "../../protocols/http/set-cookie.ts";

/**
 * The Set-Cookie value with its path below the prefix. Cookies of other domains, and what can't be
 * read, stay as they are. `hostName` is the request's host, normalised and without port.
 */
export function scopeCookiePath(setCookie: string, prefix: string, hostName: string): string {
  if (prefix === "/") return setCookie;
  const cookie = parseSetCookie(setCookie);
  if (cookie === undefined) return setCookie;
  if (cookie.domain !== "" && normalHostName(cookie.domain) !== hostName) return setCookie;
  const path = joinPaths(prefix, cookie.path);
  return path === undefined ? setCookie : formatSetCookie({ ...cookie, path });
}

/** Undefined when an escape in one of them is broken. Dot segments are resolved. */
function joinPaths(prefix: string, path: string): string | undefined {
  const escapedPrefix = escaped(prefix);
  if (escapedPrefix === undefined) return undefined;
  const segments: string[] = [];
  for (const segment of `${escapedPrefix}/${path}`.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return escaped(`/${segments.join("/")}`);
}

const valid = /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]%/]*$/;
const alwaysEscaped = byteSet(/[^A-Za-z0-9\-_.~$&+,;=:@/]/);

/** As it is when it is a valid path, else decoded and escaped anew. */
function escaped(path: string): string | undefined {
  const decoded = percentDecode(path);
  if (decoded === undefined) return undefined;
  return valid.test(path) ? path : percentEncode(decoded, alwaysEscaped);
}
