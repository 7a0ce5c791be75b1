/** How long a connection may be used for further requests after a response (RFC 9112 9.3). */
import { maxKeepAliveMarginMs } from "../../config/limits.ts";
import { connectionOptions } from "../http/hop-by-hop.ts";
import type { VersionedResponseHead } from "./response-head.ts";

/** 0: not at all; Infinity: the other side sets no limit. */
export function connectionLifeMs(head: VersionedResponseHead): number {
  if (head.ambiguous || !isPersistent(head)) return 0;
  const value = head.fields.get("keep-alive");
  return value === undefined ? Infinity : keepAliveMs(value);
}

/** Whether the peer keeps the connection open. */
function isPersistent(head: VersionedResponseHead): boolean {
  // Most responses have no such field or the plainest: that needs no list.
  const value = head.fields.joined("connection");
  if (value === undefined) return head.version === "HTTP/1.1";
  if (value === "keep-alive") return true;
  const options = connectionOptions(head.fields);
  return !options.close && (head.version === "HTTP/1.1" || options.keepAlive);
}

const timeoutPattern = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i;

/** A request that is on its way when the peer closes would be lost: so we leave a little before it. */
function keepAliveMs(value: string): number {
  const match = timeoutPattern.exec(value);
  if (match === null) return Infinity;
  const timeoutMs = Number(match[1]) * 1_000;
  return timeoutMs - Math.min(maxKeepAliveMarginMs, timeoutMs / 2);
}
