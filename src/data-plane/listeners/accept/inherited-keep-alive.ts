/**
 * TCP keep-alive of accepted connections. On Linux they inherit it from the socket that listens, which saves four
 * system calls for each.
 */
import { tcpKeepAliveMs } from "../../../config/limits.ts";
import { openLibc } from "../../../net/libc.ts";
import { setSocketOption, socketLevel, tcpLevel } from "../../../net/socket-option.ts";
import { descriptorOf } from "./accept-queue.ts";

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
  const descriptor = descriptorOf(listener);
  return (
    descriptor >= 0 &&
    options.every(([level, option, value]) =>
      setSocketOption(libc, descriptor, level, option, value),
    )
  );
}
