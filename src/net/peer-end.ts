/** Whether the peer of a TCP connection has ended it, seen past the bytes that were not read yet. */
import { openLibc } from "./libc.ts";
import { socketOption, tcpLevel } from "./socket-option.ts";

// Values of Linux, on every architecture that Bun runs on.
const tcpInfo = 11;
/** TCP_CLOSE_WAIT: the peer's FIN has come. */
const closeWait = 8;

/** False when it can't be told. */
export function peerHasEnded({ fd = -1 }: { readonly fd?: number }): boolean {
  const libc = openLibc();
  const info = libc === null ? null : socketOption(libc, fd, tcpLevel, tcpInfo);
  // The first of its bytes is the state; Bun runs on nothing but little-endian machines.
  return info !== null && (info & 0xff) === closeWait;
}
