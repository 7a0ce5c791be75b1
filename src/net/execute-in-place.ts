/**
 * Another executable in the place of this one: the same process, with the descriptors that are kept.
 * `process.execve` keeps none beyond the standard ones, so it is the system's own call.
 */
import { ptr } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { type Libc, lastErrno } from "./libc.ts";

const setDescriptorFlags = 2;
const closeOnExec = 1;

/** Whether the descriptor stays open in the next executable. */
export function keepAcross(libc: Libc, fd: number, keeps: boolean): void {
  libc.fcntl(fd, setDescriptorFlags, keeps ? 0 : closeOnExec);
}

/** Returns only when it can't be done, with the reason. Signals that are held back here are so in the next one. */
export function executeInPlace(
  libc: Libc,
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const texts = [path, ...args, ...variables].map((text) => Buffer.from(`${text}\0`));
  const pointers = texts.map((text) => BigInt(ptr(text)));
  const argv = new BigUint64Array([...pointers.slice(1, 1 + args.length), 0n]);
  const envp = new BigUint64Array([...pointers.slice(1 + args.length), 0n]);
  libc.execve(ptr(texts[0]!), ptr(argv), ptr(envp));
  const reason = getSystemErrorName(-lastErrno(libc));
  return reason;
}

const noHang = 1;

/** Takes the remains of a child of an earlier executable; true when there is nothing left of it. */
export function reap(libc: Libc, pid: number): boolean {
  return libc.waitpid(pid, null, noHang) !== 0;
}
