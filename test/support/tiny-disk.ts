/** A folder in which 64 KB fit, or nothing at all where a test may not mount file systems. */
import { mkdirSync } from "node:fs";
import { tempFolder } from "./temp-folder.ts";

export interface TinyDisk extends Disposable {
  readonly path: string;
}

export function tinyDisk(): TinyDisk {
  const folder = tempFolder();
  const path = folder.file("disk");
  mkdirSync(path);
  const isMounted = run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path);
  return {
    path: isMounted ? path : folder.file("missing"),
    [Symbol.dispose]() {
      if (isMounted) run("umount", "--lazy", path);
      folder[Symbol.dispose]();
    },
  };
}

function run(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  } catch {
    return false;
  }
}
