/** Options of sockets that Bun has no function for. Values of Linux, on every architecture that Bun runs on. */
import { ptr } from "bun:ffi";
import type { Libc } from "./libc.ts";

/** SOL_SOCKET */
export const socketLevel = 1;
/** IPPROTO_TCP */
export const tcpLevel = 6;

const number = new Int32Array(1);

/** False: the system refused, and `lastErrno` says why. */
export function setSocketOption(
  libc: Libc,
  descriptor: number,
  level: number,
  option: number,
  value: number,
): boolean {
  number[0] = value;
  return libc.setsockopt(descriptor, level, option, ptr(number), number.byteLength) === 0;
}
