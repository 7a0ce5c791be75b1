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
import { setSocketOption, socketLevel, socketOption } from "./socket-option.ts";
import { unixName } from "./unix-name.ts";

export interface ListeningGroup {
  /** One a slot. */
  readonly fds: readonly number[];
  readonly port: number;
  /** Somebody else has the socket, too: whoever comes after it was closed here waits, and is not refused. */
  readonly outlives: boolean;
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
      return { fds, port: actualPort, outlives: false };
    });
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw bindError("tcp", bind, port, error);
  }
}

/** The same socket for each slot: whoever is free accepts. Takes the descriptor over. */
export function shareListening(libc: Libc, fd: number, slots: number): ListeningGroup {
  // Whoever made it may have left it blocking, and one who waits in accept(2) does nothing else.
  libc.fcntl(fd, setStatusFlags, libc.fcntl(fd, getStatusFlags, 0) | nonBlocking);
  const fds = Array.from({ length: slots }, () => {
    const copy = libc.fcntl(fd, duplicate, firstOwnFd);
    if (copy < 0) throw systemError(libc, "fcntl");
    return copy;
  });
  const port = portOf(libc, fd);
  closeSync(fd);
  return { fds, port, outlives: true };
}

const getStatusFlags = 3;
const setStatusFlags = 4;
/** F_DUPFD_CLOEXEC */
const duplicate = 1030;
/** Behind the standard ones. */
const firstOwnFd = 3;

/** Of a TCP socket that listens; null: it is none. */
export function listeningPort(libc: Libc, fd: number): number | null {
  const isInternet = [inet, ipv6].includes(option(libc, fd, domain) ?? -1);
  const listens = option(libc, fd, acceptsConnections) === 1;
  return isInternet && listens && option(libc, fd, socketType) === stream ? portOf(libc, fd) : null;
}

const inet = 2;
/** SO_TYPE, SO_ACCEPTCONN, SO_DOMAIN */
const socketType = 3;
const acceptsConnections = 30;
const domain = 39;

function option(libc: Libc, fd: number, name: number): number | null {
  return socketOption(libc, fd, socketLevel, name);
}

const unix = 1;
const ipv6 = 10;
const stream = 1;
const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
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
  if (!setSocketOption(libc, fd, level, option, value)) throw systemError(libc, "setsockopt");
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
    const name = unixName(path);
    if (libc.bind(fd, ptr(name), name.length) !== 0) throw systemError(libc, "bind");
    if (libc.listen(fd, acceptQueueLength) !== 0) throw systemError(libc, "listen");
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
