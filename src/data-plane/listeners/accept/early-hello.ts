/**
 * The ClientHello of a connection that was accepted just now, looked at where it waits in the kernel: when TLS has
 * read it, nothing tells any more which kinds of keys the client takes.
 */
import { ptr } from "bun:ffi";
import { helloPatienceSeconds, maxHelloBytes } from "../../../config/limits.ts";
import { openLibc } from "../../../net/libc.ts";
import { setSocketOption, tcpLevel } from "../../../net/socket-option.ts";
import { takesEcdsa } from "../../../protocols/tls/client-hello.ts";

// Values of Linux, on every architecture that Bun runs on.
/** TCP_DEFER_ACCEPT */
const deferAccept = 9;
/** MSG_DONTWAIT | MSG_PEEK */
const lookFlags = 0x42;

/** One for all: what is looked at is dealt with at once. */
const buffer = Buffer.allocUnsafeSlow(maxHelloBytes);
const bufferAddress = ptr(buffer);

/**
 * Whether a listening socket accepts connections only when they have sent something, or after `helloPatienceSeconds`
 * (tcp(7)); also while connections come.
 */
export function acceptWithHello(listenerFd: number, isOn: boolean): void {
  const libc = openLibc();
  const seconds = isOn ? helloPatienceSeconds : 0;
  if (libc !== null) setSocketOption(libc, listenerFd, tcpLevel, deferAccept, seconds);
}

/** Of a socket of which nothing was read; null: it can't be told. */
export function waitingHelloTakesEcdsa(fd: number): boolean | null {
  const count = Number(openLibc()?.recv(fd, bufferAddress, maxHelloBytes, lookFlags) ?? 0);
  return count > 0 ? takesEcdsa(buffer.subarray(0, count)) : null;
}
