/** Memory that the primary makes and its workers share with each other, as a file without a name. */
import { ftruncateSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Libc } from "./libc.ts";
import { openNamelessFile } from "./nameless-file.ts";

const closeOnExec = 1;
const name = Buffer.from("kamal-proxy\0");

/** A descriptor to be inherited; all zero. */
export function createSharedMemory(libc: Libc, bytes: number): number {
  const created = libc.memfd_create(name, closeOnExec);
  const descriptor = created < 0 ? openNamelessFile(tmpdir()) : created;
  ftruncateSync(descriptor, bytes);
  return descriptor;
}

/** The memory behind an inherited descriptor. */
export function mapSharedMemory(descriptor: number): ArrayBuffer {
  return Bun.mmap(`/proc/self/fd/${descriptor}`, { shared: true }).buffer;
}
