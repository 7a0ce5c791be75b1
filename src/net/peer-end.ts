/** Whether the peer of a TCP connection has ended it, seen past the bytes that were not read yet. */
import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";
import { tcpLevel } from "./socket-option.ts";

// Values of Linux, on every architecture that Bun runs on.
/** TCP_INFO, whose first byte is the state. */
const tcpInfo = 11;
/** TCP_CLOSE_WAIT: the peer's FIN has come. */
const closeWait = 8;

const state = new Uint8Array(1);
const length = new Uint32Array(1);

/** False when it can't be told. */
export function peerHasEnded({ fd = -1 }: { readonly fd?: number }): boolean {
  length[0] = state.byteLength;
  const result = openLibc()?.getsockopt(fd, tcpLevel, tcpInfo, ptr(state), ptr(length));
  return result === 0 && state[0] === closeWait;
}
