/** How much a socket was given that has not been sent yet, because its peer takes no more for now. */
import { ptr } from "bun:ffi";
import { openLibc } from "./libc.ts";

/** SIOCOUTQNSD: the value of Linux, on every architecture that Bun runs on. */
const unsentBytesRequest = 0x894b;
/** With so much of it a peer has enough to do for milliseconds. */
const backlogBytes = 256 * 1024;

const value = new Int32Array(1);

/** The peer has so much to take still that nobody need hurry to send more. */
export function hasBacklog(descriptor: number): boolean {
  const libc = openLibc();
  if (libc === null || descriptor < 0) return false;
  return libc.ioctl(descriptor, unsentBytesRequest, ptr(value)) === 0 && value[0]! >= backlogBytes;
}
