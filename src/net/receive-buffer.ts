/**
 * How much a socket receives ahead of who reads it: its kernel buffer grows up to megabytes while it is read
 * quickly, and Bun reads up to 512 KB of it at once.
 */
import { openLibc } from "./libc.ts";
import { setSocketOption, socketLevel, socketOption } from "./socket-option.ts";

// Values of Linux, on every architecture that Bun runs on.
const receiveBufferSize = 8;
/** SO_BUF_LOCK, since Linux 5.14: 0 lets the kernel change the size of the buffers by itself again. */
const bufferLock = 72;
/**
 * Bun reads up to twice as much at once. With half of it, segments of the loopback interface no longer fit, and
 * the peer waits between them: measured at 80 KB a second.
 */
const narrowBytes = 16 * 1024;

/** Returns what `widenReceiving` is to be given, or 0 where nothing was changed. */
export function narrowReceiving(descriptor: number): number {
  const libc = openLibc();
  if (libc === null || descriptor < 0) return 0;
  const before = socketOption(libc, descriptor, socketLevel, receiveBufferSize) ?? 0;
  if (before <= 2 * narrowBytes) return 0;
  return setSocketOption(libc, descriptor, socketLevel, receiveBufferSize, narrowBytes)
    ? before
    : 0;
}

/** As it was; where the kernel can't be told to go on by itself, it stays at that. */
export function widenReceiving(descriptor: number, before: number): void {
  const libc = openLibc();
  if (descriptor < 0 || libc === null) return;
  setSocketOption(libc, descriptor, socketLevel, receiveBufferSize, Math.floor(before / 2));
  setSocketOption(libc, descriptor, socketLevel, bufferLock, 0);
}
