/**
 * TCP keep-alive of accepted connections. On Linux they inherit it from the socket that listens, which saves four
 * system calls for each.
 */
import { ptr } from "bun:ffi";
import { tcpKeepAliveMs } from "../../../config/limits.ts";
import { openLibc } from "../../../net/libc.ts";

const socketLevel = 1;
const tcpLevel = 6;
/** As Bun has it: `[level, option, value]` of SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT; seconds. */
const options = [
  [socketLevel, 9, 1],
  [tcpLevel, 4, tcpKeepAliveMs / 1000],
  [tcpLevel, 5, 1],
  [tcpLevel, 6, 10],
] as const;

/** False where the system can't be asked: each connection is to be told. */
export function inheritKeepAlive(listener: object): boolean {
  const libc = openLibc();
  if (libc === null || process.platform !== "linux") return false;
  if (!("fd" in listener) || typeof listener.fd !== "number" || listener.fd < 0) return false;
  for (const [level, option, value] of options) {
    const bytes = new Int32Array([value]);
    if (libc.setsockopt(listener.fd, level, option, ptr(bytes), bytes.byteLength) !== 0)
      return false;
  }
  return true;
}
