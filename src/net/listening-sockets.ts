/**
 * Sockets that listen, made apart from those who serve them: one for each who serves, in one group of
 * which the kernel gives each new connection to one. Connections that wait in a socket outlive who serves it.
 */
import { ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { acceptQueueLength } from "../config/limits.ts";
import { bindError } from "./bind-error.ts";
import { listenOn } from "./every-address.ts";
import { internetName } from "./internet-name.ts";
import { type Libc, lastErrno } from "./libc.ts";

export interface ListeningGroup {
  /** One a slot. */
  readonly fds: readonly number[];
  readonly port: number;
}

/** `bind` is an address, or empty for all of them. Throws a CommandError in the words of Go's net package. */
export function listenTcp(libc: Libc, bind: string, port: number, slots: number): ListeningGroup {
  const fds: number[] = [];
  try {
    return listenOn(bind, (address) => {
      // In one group with others of the same user it could be bound although another program has it.
      if (port !== 0) closeSync(boundSocket(libc, address, port, false));
      let actualPort = port;
      for (let slot = 0; slot < slots; slot++) {
        const fd = boundSocket(libc, address, actualPort, true);
        fds.push(fd);
        if (libc.listen(fd, acceptQueueLength) !== 0) throw systemError(libc, "listen");
        if (actualPort === 0) actualPort = portOf(libc, fd);
      }
      return { fds, port: actualPort };
    });
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw bindError("tcp", bind, port, error);
  }
}

const unix = 1;
/** Of `sockaddr_un`. */
const unixPathBytes = 108;
const ipv6 = 10;
const stream = 1;
const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
const socketLevel = 1;
const reuseAddress = 2;
const reusePort = 15;
const ipv6Level = 41;
const ipv6Only = 26;

function boundSocket(libc: Libc, address: string, port: number, shared: boolean): number {
  const name = internetName(libc, address, port);
  const family = name.readUInt16LE(0);
  const fd = libc.socket(family, stream | nonBlocking | closeOnExec, 0);
  if (fd < 0) throw systemError(libc, "socket");
  try {
    setOption(libc, fd, socketLevel, reuseAddress, 1);
    if (shared) setOption(libc, fd, socketLevel, reusePort, 1);
    // IPv4 comes to the same socket, as mapped addresses.
    if (family === ipv6) setOption(libc, fd, ipv6Level, ipv6Only, 0);
    if (libc.bind(fd, ptr(name), name.length) !== 0) throw systemError(libc, "bind");
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setOption(libc: Libc, fd: number, level: number, option: number, value: number): void {
  const bytes = new Int32Array([value]);
  if (libc.setsockopt(fd, level, option, ptr(bytes), 4) !== 0)
    throw systemError(libc, "setsockopt");
}

function portOf(libc: Libc, fd: number): number {
  const name = Buffer.alloc(28);
  const length = new Uint32Array([name.length]);
  if (libc.getsockname(fd, ptr(name), ptr(length)) !== 0) throw systemError(libc, "getsockname");
  return name.readUInt16BE(2);
}

function systemError(libc: Libc, call: string): Error {
  const code = getSystemErrorName(-lastErrno(libc));
  return Object.assign(new Error(`${call}: ${code}`), { code });
}

/** A socket of the file system. Throws an error with the system's code. */
export function listenUnix(libc: Libc, path: string): number {
  const fd = libc.socket(unix, stream | nonBlocking | closeOnExec, 0);
  if (fd < 0) throw systemError(libc, "socket");
  try {
    const bytes = Buffer.from(`${path}\0`);
    if (bytes.length > unixPathBytes) {
      throw Object.assign(new Error("the path is too long"), { code: "ENAMETOOLONG" });
    }
    const name = Buffer.alloc(2 + bytes.length);
    name.writeUInt16LE(unix, 0);
    name.set(bytes, 2);
    if (libc.bind(fd, ptr(name), name.length) !== 0) throw systemError(libc, "bind");
    if (libc.listen(fd, acceptQueueLength) !== 0) throw systemError(libc, "listen");
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
