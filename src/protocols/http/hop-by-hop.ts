/** Fields that concern one connection only and are not forwarded (RFC 9110 7.6.1). */
import { maxListElements } from "../../config/limits.ts";
import { hasMoreElements, isToken, listElements, type Fields } from "./fields.ts";

/** HTTP2-Settings belongs to an upgrade to h2c, which is never forwarded. */
export const hopByHopKeys: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function isHopByHop(key: string): boolean {
  return hopByHopKeys.has(key);
}

/** Fields that HTTP/2 and HTTP/3 forbid (RFC 9113 8.2.2), beside TE, whose `trailers` they allow. */
export const connectionKeys = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
] as const;

/** Whether a request has a field that HTTP/2 and HTTP/3 forbid (RFC 9113 8.2.2, RFC 9114 4.2). */
export function hasConnectionField(fields: Fields): boolean {
  const te = fields.joined("te");
  if (te !== undefined && te.toLowerCase() !== "trailers") return true;
  return connectionKeys.some((key) => fields.has(key));
}

/** Without these a message means something else, so that naming them in Connection changes nothing. */
const essentialKeys = new Set(["content-length", "host"]);

/**
 * The further fields that the Connection field names, or null when it names none:
 * the common `close`, `keep-alive` and `upgrade` need no look-up, they are never forwarded.
 */
export function namedByConnection(connection: string | undefined): Set<string> | null {
  if (connection === undefined || connection === "keep-alive") return null;
  let named: Set<string> | null = null;
  for (const element of listElements(connection)) {
    const key = element.toLowerCase();
    if (key === "close" || hopByHopKeys.has(key) || essentialKeys.has(key)) continue;
    named ??= new Set();
    named.add(key);
  }
  return named;
}

/** Whether the Connection field names more than anybody means. */
export function namesTooMuch(fields: Fields): boolean {
  const value = fields.joined("connection");
  return value !== undefined && hasMoreElements(value, maxListElements);
}

export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
}

/** The Connection options that both sides act on (RFC 9112 9.3, RFC 9110 7.8). */
export function connectionOptions(fields: Fields): ConnectionOptions {
  const options = { close: false, keepAlive: false, upgrade: false };
  const value = fields.joined("connection");
  if (value === undefined) return options;
  if (value === "keep-alive") {
    options.keepAlive = true;
    return options;
  }
  for (const element of listElements(value)) {
    const key = element.toLowerCase();
    if (key === "close") options.close = true;
    else if (key === "keep-alive") options.keepAlive = true;
    else if (key === "upgrade") options.upgrade = true;
  }
  return options;
}

/**
 * The one protocol that an Upgrade field asks for, as sent, or null. HTTP/2 over plain text is not
 * spoken here (RFC 9113 3.1), and of a choice of protocols none is forwarded: such a request is an
 * ordinary one. The caller has looked for the Connection option and HTTP/1.1.
 */
export function requestedProtocol(fields: Fields): string | null {
  const value = fields.joined("upgrade");
  if (value === undefined) return null;
  const [name, version, excess] = value.split("/", 3);
  const isOne =
    isToken(name!) && (version === undefined || isToken(version)) && excess === undefined;
  if (!isOne || /^h2c?$/i.test(name!) || /^http$/i.test(name!)) return null;
  return value;
}

/** Whether the fields of a 101 name one of the protocols that were asked for (RFC 9110 15.2.2). */
export function isSwitchTo(asked: string, fields: Fields): boolean {
  const answer = fields.joined("upgrade")?.toLowerCase();
  return listElements(asked).some((protocol) => protocol.toLowerCase() === answer);
}
