/**
 * The URL that is asked whether a host may have a certificate: a path of the service itself or an
 * absolute http(s) URL. What counts as parseable follows Go's `net/url`, whose reasons users see.
 */
import { isIpv4, isIpv6 } from "../lib/ip-address.ts";

export type TlsOnDemandUrl =
  /** `local`: a path that the service answers itself. */
  { url: string; local: boolean } | { error: string };

const schemePattern = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const hostCharacters = /[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]/u;
const userinfoPattern = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
/** With a zone, whose percent sign is escaped (RFC 6874). */
const ipv6Pattern = /^([0-9A-Fa-f:.]+)(%25.+)?$/;
// eslint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f]/;

export function parseTlsOnDemandUrl(url: string): TlsOnDemandUrl {
  if (url.startsWith("//")) {
    return { error: "tls-on-demand-url must be a path or an absolute http(s) URL" };
  }
  const fault = urlFault(url);
  if (fault !== undefined) {
    return { error: `unable to parse tls-on-demand-url: parse ${JSON.stringify(url)}: ${fault}` };
  }
  if (url.startsWith("/")) return { url, local: true };
  const scheme = schemePattern.exec(url)?.[1]?.toLowerCase() ?? "";
  if (scheme !== "http" && scheme !== "https") {
    return { error: `unsupported scheme "${scheme}" in tls-on-demand-url` };
  }
  if (authorityOf(url) === "") return { error: "missing host in tls-on-demand-url" };
  return { url, local: false };
}

function urlFault(url: string): string | undefined {
  if (controlCharacter.test(url)) return "net/url: invalid control character in URL";
  if (url === "*") return undefined;
  if (url.startsWith("/")) return escapeFault(pathOf(url));
  if (url.startsWith(":")) return "missing protocol scheme";
  const scheme = schemePattern.exec(url);
  if (scheme === null) return "invalid URI for request";
  const rest = url.slice(scheme[0].length);
  if (!rest.startsWith("/")) return undefined;
  if (!rest.startsWith("//")) return escapeFault(pathOf(rest));
  return authorityFault(authorityWithUser(rest)) ?? escapeFault(pathOf(rest.slice(2)));
}

function authorityFault(authority: string): string | undefined {
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  const fault = host.startsWith("[") ? literalFault(host) : hostFault(host);
  if (fault !== undefined) return fault;
  const userinfo = authority.slice(0, Math.max(0, at));
  return userinfoPattern.test(userinfo) ? escapeFault(userinfo) : "net/url: invalid userinfo";
}

function literalFault(host: string): string | undefined {
  const end = host.lastIndexOf("]");
  if (end < 0) return "missing ']' in host";
  const fault = portFault(host.slice(end + 1));
  if (fault !== undefined) return fault;
  const literal = host.slice(1, end);
  if (isIpv4(literal)) return "invalid IP-literal";
  const address = ipv6Pattern.exec(literal)?.[1];
  if (address !== undefined && isIpv6(address)) return undefined;
  return `invalid host: ParseAddr(${JSON.stringify(literal)}): unable to parse IP`;
}

function hostFault(host: string): string | undefined {
  if (host.includes("[")) return "invalid IP-literal";
  const colon = host.indexOf(":");
  const fault = colon < 0 ? undefined : portFault(host.slice(colon));
  if (fault !== undefined) return fault;
  // Only bytes beyond ASCII may be escaped in a host.
  const badEscape = /%(?![89A-Fa-f][0-9A-Fa-f])/.exec(host);
  if (badEscape !== null) {
    return `invalid URL escape "${host.slice(badEscape.index, badEscape.index + 3)}"`;
  }
  for (const character of host) {
    if (!hostCharacters.test(character)) {
      return `invalid character ${JSON.stringify(character)} in host name`;
    }
  }
  return undefined;
}

function portFault(port: string): string | undefined {
  return /^(:[0-9]*)?$/.test(port) ? undefined : `invalid port "${port}" after host`;
}

function escapeFault(text: string): string | undefined {
  const bad = /%(?![0-9A-Fa-f]{2})/.exec(text);
  if (bad === null) return undefined;
  return `invalid URL escape "${text.slice(bad.index, bad.index + 3)}"`;
}

function pathOf(text: string): string {
  const path = text.split("?", 1)[0]!;
  const slash = path.indexOf("/");
  return slash < 0 ? "" : path.slice(slash);
}

function authorityOf(url: string): string {
  const rest = url.slice(url.indexOf(":") + 1);
  return rest.startsWith("//") ? authorityWithUser(rest).replace(/^.*@/, "") : "";
}

function authorityWithUser(rest: string): string {
  return rest.slice(2).split("?", 1)[0]!.split("/", 1)[0]!;
}
