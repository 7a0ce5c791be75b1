/** Redirects to the service's scheme and host. */
import { Fields } from "../../../protocols/http/fields.ts";
import { reasonPhrase } from "../../../protocols/http/status.ts";
import { parseHost } from "../../../protocols/http/host.ts";
import { byteSet, percentEncode } from "../../../protocols/http/percent-encoding.ts";
import { escapeHtml } from "../../../go/html-template/escapers.ts";
import { byteString } from "../../services/byte-string.ts";
import type { Scheme } from "../../../protocols/http/exchange.ts";

export const redirectStatus = 301;

export interface RedirectRequest {
  scheme: Scheme;
  /** As sent, with its port. */
  host: string;
  /** The same in comparable form, without port. */
  hostName: string;
  path: string;
  query: string;
}

export interface RedirectRules {
  tlsEnabled: boolean;
  tlsRedirect: boolean;
  /** Empty: none. */
  canonicalHost: string;
}

/** Where the request has to go instead, or undefined when it is where it belongs. */
export function redirectLocation(
  request: RedirectRequest,
  { tlsEnabled, tlsRedirect, canonicalHost }: RedirectRules,
): string | undefined {
  const toHttps = tlsEnabled && tlsRedirect && request.scheme === "http";
  const toCanonical = canonicalHost !== "" && !isSameHost(request.hostName, canonicalHost);
  if (!toHttps && !toCanonical) return undefined;
  const scheme = toHttps ? "https" : request.scheme;
  // The port is left out: that of the other scheme is not known.
  const host = toCanonical ? escapeHost(canonicalHost) : withoutPort(request.host);
  return `${scheme}://${host}${escapePath(request.path)}${escapeQuery(request.query)}`;
}

export function redirectFields(method: string, location: string): Fields {
  const fields = Fields.of(["Location", location]);
  if (method === "GET" || method === "HEAD") {
    fields.append("Content-Type", "text/html; charset=utf-8");
  }
  return fields;
}

/** That of HEAD is the one that GET would get; it is not sent. */
export function redirectBody(method: string, status: number, location: string): string {
  if (method !== "GET" && method !== "HEAD") return "";
  return `<a href="${escapeHtml(location)}">${reasonPhrase(status)}</a>.\n\n`;
}

function isSameHost(hostName: string, canonicalHost: string): boolean {
  return hostName === canonicalHost || hostName === parseHost(canonicalHost)?.name;
}

function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]") ? host.slice(0, colon) : host;
}

// What a URI can't hold (RFC 3986 3.3, 3.4); escapes that are there stay as they are.
// oxlint-disable-next-line no-control-regex
const outsidePath = byteSet(/[\x00-\x20"#<>\\^`{|}\x7f-\xff]/);
// oxlint-disable-next-line no-control-regex
const outsideQuery = byteSet(/[\x00-\x20#\x7f-\xff]/);
const outsideAscii = byteSet(/[\x80-\xff]/);

/** Configured text, unlike the rest, which came as bytes. */
function escapeHost(host: string): string {
  return percentEncode(byteString(host), outsideAscii);
}

export function escapePath(path: string): string {
  return percentEncode(path, outsidePath);
}

function escapeQuery(query: string): string {
  return percentEncode(query, outsideQuery);
}
