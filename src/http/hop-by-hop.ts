/** Fields that concern one connection only and are not forwarded (RFC 9110 7.6.1). */
import { listElements, type Fields } from "./fields.ts";

const hopByHopKeys = new Set([
  "connection",
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

/**
 * The further fields that the Connection field names, or null when it names none:
 * the common `close`, `keep-alive` and `upgrade` need no look-up, they are never forwarded.
 */
export function namedByConnection(connection: string | undefined): Set<string> | null {
  if (connection === undefined) return null;
  let named: Set<string> | null = null;
  for (const element of listElements(connection)) {
    const key = element.toLowerCase();
    if (key === "close" || key === "keep-alive" || key === "upgrade") continue;
    named ??= new Set();
    named.add(key);
  }
  return named;
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
  for (const element of listElements(value)) {
    const key = element.toLowerCase();
    if (key === "close") options.close = true;
    else if (key === "keep-alive") options.keepAlive = true;
    else if (key === "upgrade") options.upgrade = true;
  }
  return options;
}
