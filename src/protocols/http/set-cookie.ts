/**
 * The Set-Cookie field (RFC 6265 4.1), read and written as Go's net/http does: the attributes come out
 * in its order, so that what users know from kamal-proxy stays the same to the byte.
 */
import { isIpv4 } from "../../lib/ip-address.ts";
import { isToken, trimBlanks } from "./fields.ts";

export interface SetCookie {
  name: string;
  value: string;
  quoted: boolean;
  path: string;
  domain: string;
  /** Milliseconds since 1970. */
  expiresMs: number | undefined;
  /** Undefined: not given; 0: delete now. */
  maxAge: bigint | undefined;
  secure: boolean;
  httpOnly: boolean;
  sameSite: "" | "Lax" | "Strict" | "None";
  partitioned: boolean;
  /** Attributes that Go doesn't know or can't read, as sent. */
  others: string[];
}

/** Undefined when it is not a cookie that Go would read. */
export function parseSetCookie(line: string): SetCookie | undefined {
  const [pair = "", ...attributes] = trimBlanks(line).split(";");
  const [name, rawValue] = cut(trimBlanks(pair));
  if (rawValue === undefined || !isToken(trimBlanks(name))) return undefined;
  const quoted = rawValue.length > 1 && rawValue.startsWith('"') && rawValue.endsWith('"');
  const value = quoted ? rawValue.slice(1, -1) : rawValue;
  if (!isCookieValue(value)) return undefined;
  const cookie: SetCookie = {
    name: trimBlanks(name),
    value,
    quoted,
    path: "",
    domain: "",
    expiresMs: undefined,
    maxAge: undefined,
    secure: false,
    httpOnly: false,
    sameSite: "",
    partitioned: false,
    others: [],
  };
  for (const attribute of attributes) readAttribute(cookie, trimBlanks(attribute));
  return cookie;
}

export function formatSetCookie(cookie: SetCookie): string {
  const needsQuotes = cookie.quoted || /[ ,]/.test(cookie.value);
  let text = `${cookie.name}=${needsQuotes ? `"${cookie.value}"` : cookie.value}`;
  const path = cookie.path.replace(/[^\x20-\x3a\x3c-\x7e]/g, "");
  if (cookie.path !== "") text += `; Path=${path}`;
  if (isCookieDomain(cookie.domain)) text += `; Domain=${cookie.domain.replace(/^\./, "")}`;
  if (cookie.expiresMs !== undefined) {
    // oxlint-disable-next-line no-restricted-globals -- of a given time
    text += `; Expires=${new Date(cookie.expiresMs).toUTCString()}`;
  }
  if (cookie.maxAge !== undefined) text += `; Max-Age=${cookie.maxAge}`;
  if (cookie.httpOnly) text += "; HttpOnly";
  if (cookie.secure) text += "; Secure";
  if (cookie.sameSite !== "") text += `; SameSite=${cookie.sameSite}`;
  if (cookie.partitioned) text += "; Partitioned";
  for (const other of cookie.others) {
    // What was read of the same attribute counts.
    if (cookie.expiresMs !== undefined && /^expires/i.test(other)) continue;
    if (cookie.maxAge !== undefined && /^max-age/i.test(other)) continue;
    text += `; ${other}`;
  }
  return text;
}

function readAttribute(cookie: SetCookie, attribute: string): void {
  if (attribute === "") return;
  const [rawName, value = ""] = cut(attribute);
  if (!/^[\x20-\x7e]*$/.test(rawName)) return;
  const name = rawName.toLowerCase();
  if (!isCookieValue(value) || !readKnownAttribute(cookie, name, value)) {
    // A second Path or Domain that Go can't read would win over the one that is written.
    const key = name.trim();
    if (key !== "path" && key !== "domain") cookie.others.push(attribute);
  }
}

/** False when the attribute is unknown or its value can't be read. */
function readKnownAttribute(cookie: SetCookie, name: string, value: string): boolean {
  switch (name) {
    case "path":
      cookie.path = value;
      return true;
    case "domain":
      cookie.domain = value;
      return true;
    case "expires": {
      const expires = parseExpires(value);
      cookie.expiresMs = typeof expires === "number" ? expires : undefined;
      return expires !== undefined;
    }
    case "max-age": {
      const maxAge = parseMaxAge(value);
      cookie.maxAge = maxAge ?? cookie.maxAge;
      return maxAge !== undefined;
    }
    case "secure":
      cookie.secure = true;
      return true;
    case "httponly":
      cookie.httpOnly = true;
      return true;
    case "samesite":
      cookie.sameSite = sameSites[value.toLowerCase()] ?? "";
      return true;
    case "partitioned":
      cookie.partitioned = true;
      return true;
    default:
      return false;
  }
}

const sameSites: Record<string, SetCookie["sameSite"] | undefined> = {
  lax: "Lax",
  strict: "Strict",
  none: "None",
};

function parseMaxAge(value: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(value)) return undefined;
  const seconds = BigInt(value);
  if (BigInt.asIntN(64, seconds) !== seconds) return undefined;
  if (seconds !== 0n && value.startsWith("0")) return undefined;
  return seconds > 0n ? seconds : 0n;
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const date =
  /^(?:mon|tue|wed|thu|fri|sat|sun), +(\d\d)(?: +([a-z]{3}) +|-([a-z]{3})-)(\d{4}) +(\d\d?):(\d\d):(\d\d)(?:[.,]\d+)? +(\S+)$/i;
const zone = /^(?:UTC|GMT(?:[+-]\d\d?)?|[+-]\d\d?|[A-Z]{3}|[A-Z]{3}T|WITA|ChST|MeST|[A-Z]{4}T)$/;
const firstYear = 1601;

/** Undefined: no date that Go reads; null: before all cookies (RFC 6265 5.1.1). */
function parseExpires(value: string): number | null | undefined {
  const match = date.exec(value);
  if (match === null || !zone.test(match[8]!)) return undefined;
  const [, day, spacedMonth, dashedMonth, year, hour, minute, second] = match;
  const month = months.indexOf((spacedMonth ?? dashedMonth!).toLowerCase());
  const fields = [Number(year), month, Number(day)] as const;
  // oxlint-disable-next-line no-restricted-globals -- of a given time
  const time = new Date(0);
  time.setUTCFullYear(...fields);
  const isDate = time.getUTCMonth() === month && time.getUTCDate() === fields[2];
  if (!isDate || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  // Every zone counts as UTC: cookie dates have no other (RFC 6265 5.1.1).
  time.setUTCHours(Number(hour), Number(minute), Number(second));
  return time.getUTCFullYear() < firstYear ? null : time.getTime();
}

function isCookieValue(value: string): boolean {
  return /^[\x20\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value);
}

/** Letters, digits and hyphens in labels of up to 63, with at least one letter; or IPv4. */
function isCookieDomain(domain: string): boolean {
  const name = domain.replace(/^\./, "");
  if (domain === "" || domain.length > 255) return false;
  if (isIpv4(domain)) return true;
  const labels = name.replace(/\.$/, "").split(".");
  return (
    /[A-Za-z]/.test(name) &&
    labels.every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  );
}

/** At the first equals sign. */
function cut(text: string): [before: string, after: string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
