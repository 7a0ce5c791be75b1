/** The few calls of the system that Bun has no function for, through the C library that it is linked to. */
import { dlopen, type FFIFunction, FFIType, read } from "bun:ffi";

const functions = {
  close: { args: ["i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  inet_pton: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  sigprocmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  dup: { args: ["i32"], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  prctl: { args: ["i32", "ptr"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  recv: { args: ["i32", "ptr", "usize", "i32"], returns: FFIType.i64_fast },
  send: { args: ["i32", "ptr", "usize", "i32"], returns: FFIType.i64_fast },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/** In another library than the others where the C library is older than glibc 2.34. */
const threadFunctions = {
  pthread_create: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  pthread_join: { args: ["u64", "ptr"], returns: "i32" },
  pthread_mutex_lock: { args: ["ptr"], returns: "i32" },
  pthread_mutex_unlock: { args: ["ptr"], returns: "i32" },
} as const;

const names = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

export type Libc = ReturnType<typeof dlopen<typeof functions>>["symbols"];
export type Threads = ReturnType<typeof dlopen<typeof threadFunctions>>["symbols"];

let opened: Libc | null | undefined;

/** Null where there is none by these names: whoever asks has to do without. */
export function openLibc(): Libc | null {
  if (opened === undefined) opened = tryOpen();
  return opened;
}

/** Why the call just now failed; to be asked at once. */
export function lastErrno(libc: Libc): number {
  // oxlint-disable-next-line no-underscore-dangle -- the system's name
  const address = libc.__errno_location();
  return address === null ? 0 : read.i32(address);
}

/** Of the tests: as on a system that has none by these names. */
export const noLibcVariable = "KAMAL_PROXY_TEST_WITHOUT_LIBC";

/** What starts and ends threads of the system; null where there is none by these names. */
export function openThreads(): Threads | null {
  return openFirst([...names, "libpthread.so.0"], threadFunctions);
}

function tryOpen(): Libc | null {
  if (process.env[noLibcVariable] !== undefined) return null;
  return openFirst(names, functions);
}

function openFirst<T extends Record<string, FFIFunction>>(
  libraries: readonly string[],
  wanted: T,
): ReturnType<typeof dlopen<T>>["symbols"] | null {
  for (const name of libraries) {
    try {
      return dlopen(name, wanted).symbols;
    } catch {
      // The next one, of another C library.
    }
  }
  return null;
}
