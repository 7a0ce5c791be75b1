/**
 * Begins a TCP connection by the system's own calls, so that its outcome is known for what it is: Bun reports
 * an unreachable network as refused, and a connection that hangs can't be given up before it is open. The
 * descriptor is handed to Bun at once, which waits for the rest.
 */
import { ptr } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { internetName } from "./internet-name.ts";
import { lastErrno, openLibc } from "./libc.ts";

// Values of Linux, on every architecture that Bun runs on.
/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC */
const streamSocket = 0o2004001;
const inProgress = 115;

export type Dialled = { descriptor: number } | { code: string };

/** Null where there is no C library to do it. The address is one of IPv4 or IPv6. */
export function dial(address: string, port: number): Dialled | null {
  const libc = openLibc();
  if (libc === null) return null;
  const socketAddress = internetName(libc, address, port);
  const descriptor = libc.socket(socketAddress[0]!, streamSocket, 0);
  if (descriptor < 0) return { code: getSystemErrorName(-lastErrno(libc)) };
  if (libc.connect(descriptor, ptr(socketAddress), socketAddress.length) === 0) {
    return { descriptor };
  }
  const error = lastErrno(libc);
  if (error === inProgress) return { descriptor };
  libc.close(descriptor);
  return { code: getSystemErrorName(-error) };
}

const peer = new Uint8Array(128);
const peerLength = new Uint32Array(1);

/** Whether the connection is made by now. */
export function isConnected(descriptor: number): boolean {
  const libc = openLibc();
  peerLength[0] = peer.length;
  return libc === null || libc.getpeername(descriptor, ptr(peer), ptr(peerLength)) === 0;
}

/** Nobody took it. */
export function hangUp(descriptor: number): void {
  openLibc()?.close(descriptor);
}
