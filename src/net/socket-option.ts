/** Options of sockets that Bun has no function for. Values of Linux, on every architecture that Bun runs on. */
import { ptr } from "bun:ffi";
import type { Libc } from "./libc.ts";

/** SOL_SOCKET */
export const socketLevel = 1;
/** IPPROTO_TCP */
export const tcpLevel = 6;

const number = new Int32Array(1);
const length = new Uint32Array(1);

/** A number, or the first four bytes of something larger; null: it can't be told. */
export function socketOption(
  libc: Libc,
  descriptor: number,
  level: number,
  option: number,
): number | null {
  length[0] = number.byteLength;
  const result = libc.getsockopt(descriptor, level, option, ptr(number), ptr(length));
  return result === 0 ? number[0]! : null;
}

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
