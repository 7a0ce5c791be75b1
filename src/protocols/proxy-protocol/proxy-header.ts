/**
 * The PROXY protocol, versions 1 and 2, as HAProxy's specification defines it: the header that a load
 * balancer in front puts before the first byte of a connection, to say who the client is.
 */
import { isIpv4, isIpv6 } from "../../lib/ip-address.ts";

export interface ProxySource {
  /** IPv4 not mapped, IPv6 in its short form. */
  address: string;
  port: number;
  /** The header names nobody: this is the address of the load balancer, whose trust it does not pass on. */
  isUnnamed?: boolean;
}

export type ProxyHeader =
  | { kind: "incomplete" }
  /** `source` is null where the connection's own address counts: health checks, unknown protocols. */
  | { kind: "complete"; consumed: number; source: ProxySource | null }
  | { kind: "invalid"; reason: string };

/** Longest header of version 1, its CRLF included. */
const maxTextBytes = 107;
/** The fixed part of version 2: signature, version and command, family, length. */
const fixedBytes = 16;
/** What follows it: 216 bytes of addresses at most, then extensions (certificate names and the like). */
export const maxProxyExtraBytes = 4_096;
export const maxProxyHeaderBytes = fixedBytes + maxProxyExtraBytes;

const incomplete: ProxyHeader = { kind: "incomplete" };
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const textStart = Buffer.from("PROXY ", "latin1");

/**
 * Reads the header from the first bytes of a connection. To be asked again with all bytes so far while
 * it is incomplete; bytes that can't become a header any more are invalid at once.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return incomplete;
  if (beginsLike(bytes, signature)) return parseBinary(bytes);
  if (beginsLike(bytes, textStart)) return parseText(bytes);
  return invalid("no PROXY header");
}

/** As far as both reach. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function invalid(reason: string): ProxyHeader {
  return { kind: "invalid", reason };
}

// Version 1: one line of text.

const knownPattern = /^PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})$/;
// oxlint-disable-next-line no-control-regex
const unknownPattern = /^PROXY UNKNOWN(?: [^\0-\x1f\x7f]*)?$/;

function parseText(bytes: Buffer): ProxyHeader {
  const lineFeed = bytes.subarray(0, maxTextBytes).indexOf(0x0a);
  if (lineFeed < 0) {
    return bytes.length < maxTextBytes ? incomplete : invalid("PROXY line too long");
  }
  if (bytes[lineFeed - 1] !== 0x0d) return invalid("PROXY line without CRLF");
  const line = bytes.latin1Slice(0, lineFeed - 1);
  const consumed = lineFeed + 1;
  if (unknownPattern.test(line)) return { kind: "complete", consumed, source: null };

  const match = knownPattern.exec(line);
  if (match === null) return invalid("malformed PROXY line");
  const [, family, source, destination, sourcePort, destinationPort] = match;
  const isAddress = family === "TCP4" ? isIpv4 : isIpv6;
  const port = parsePort(sourcePort!);
  if (!isAddress(source!) || !isAddress(destination!)) return invalid("invalid address");
  if (port < 0 || parsePort(destinationPort!) < 0) return invalid("invalid port");
  const address = family === "TCP4" ? source! : shortIpv6(source!);
  return { kind: "complete", consumed, source: { address, port } };
}

/** -1 when it has leading zeros or is out of range. */
function parsePort(text: string): number {
  const port = Number(text);
  return port <= 65_535 && String(port) === text ? port : -1;
}

// Version 2: binary.

const commands = { local: 0, proxy: 1 };
const families = { ipv4: 1, ipv6: 2, unix: 3 };
const maxTransport = 2;

function parseBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length > 12 && bytes[12]! >> 4 !== 2) return invalid("unknown version of PROXY header");
  if (bytes.length < fixedBytes) return incomplete;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  const extraBytes = bytes.readUInt16BE(14);
  if (command > commands.proxy) return invalid("unknown command of PROXY header");
  if (extraBytes > maxProxyExtraBytes) return invalid("PROXY header too long");
  const consumed = fixedBytes + extraBytes;
  if (bytes.length < consumed) return incomplete;
  // What a LOCAL header carries besides is to be ignored.
  if (command === commands.local) return { kind: "complete", consumed, source: null };

  if (family > families.unix || transport > maxTransport) {
    return invalid("unknown family of PROXY header");
  }
  const extra = bytes.subarray(fixedBytes, consumed);
  const addressBytes = family === families.ipv4 ? 4 : 16;
  const hasSource = (family === families.ipv4 || family === families.ipv6) && transport !== 0;
  if (!hasSource) return { kind: "complete", consumed, source: null };
  const addressesEnd = 2 * addressBytes + 4;
  if (extra.length < addressesEnd) return invalid("PROXY header too short for its addresses");
  if (!areExtensions(extra.subarray(addressesEnd))) return invalid("malformed PROXY extensions");
  const raw = extra.subarray(0, addressBytes);
  const address = family === families.ipv4 ? raw.join(".") : shortIpv6(groupsOf(raw));
  return {
    kind: "complete",
    consumed,
    source: { address, port: extra.readUInt16BE(2 * addressBytes) },
  };
}

/** A sequence of type, length and value that fills the rest exactly. */
function areExtensions(bytes: Buffer): boolean {
  let position = 0;
  while (position + 3 <= bytes.length) position += 3 + bytes.readUInt16BE(position + 1);
  return position === bytes.length;
}

function groupsOf(raw: Buffer): string {
  const groups: string[] = [];
  for (let i = 0; i < raw.length; i += 2) groups.push(raw.readUInt16BE(i).toString(16));
  return groups.join(":");
}

const mappedPattern = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** The short form of RFC 5952, which URLs are written in; a mapped IPv4 address as such. */
function shortIpv6(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = mappedPattern.exec(short);
  if (mapped === null) return short;
  const high = Number.parseInt(mapped[1]!, 16);
  const low = Number.parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}
