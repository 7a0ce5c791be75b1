/** The files in which a running proxy keeps bodies, as the kernel sees them. */
import { readdirSync } from "node:fs";
import type { ProxyProcess } from "./proxy-process.ts";

/** Targets of the descriptors that are spill files; ` (deleted)` when they have no name any more. */
export function openSpillFiles(proxy: ProxyProcess): string[] {
  return proxy.descriptors().filter(isSpillFile);
}

/** Without a name from its beginning, or, where the file system can't do that, for a moment with one. */
export function isSpillFile(target: string): boolean {
  return /\/(#\d+|proxy-buffer-[0-9a-f]+)( \(deleted\))?$/.test(target);
}

/** Those that can be found by their names. */
export function namedSpillFiles(proxy: ProxyProcess): string[] {
  return readdirSync(proxy.spillPath).filter((name) => name.startsWith("proxy-buffer-"));
}
