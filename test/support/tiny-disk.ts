/** A file system of a few kilobytes, for what happens when the disk is full. */
import { mkdirSync } from "node:fs";
import { tempFolder } from "./temp-folder.ts";

export interface TinyDisk extends Disposable {
  readonly path: string;
}

/** Mounting needs root, and the tool for it. */
export const canMount = tryMount();

/** Where nothing may be mounted the path does not exist, so that nothing at all can be written there. */
export function tinyDisk(kilobytes = 64): TinyDisk {
  const folder = tempFolder();
  const path = folder.file("disk");
  mkdirSync(path);
  const isMounted = run("mount", "-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path);
  return {
    path: isMounted ? path : folder.file("missing"),
    [Symbol.dispose]() {
      if (isMounted) run("umount", "--lazy", path);
      folder[Symbol.dispose]();
    },
  };
}

function tryMount(): boolean {
  using folder = tempFolder();
  const isMounted = run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path);
  if (isMounted) run("umount", "--lazy", folder.path);
  return isMounted;
}

function run(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  } catch {
    return false;
  }
}
