/** What the control groups of this process say, version 1 and 2 of them. */
import { readFileSync } from "node:fs";

/** Content of a file; null when it can't be read. */
export type ReadTextFile = (path: string) => string | null;

export interface GroupFile {
  /** As version 1 calls it. */
  controller: string;
  /** The file of version 2. */
  file: string;
  /** Those of version 1, which are read together. */
  olderFiles: readonly string[];
}

/** Of the group and each one above it: the words of the file, or of those that stand for it. */
export function* groupWords(
  { controller, file, olderFiles }: GroupFile,
  read: ReadTextFile,
): Generator<string[]> {
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") {
      yield* wordsAlong("/sys/fs/cgroup", path!, [file], read);
    } else if (controllers?.split(",").includes(controller)) {
      yield* wordsAlong(`/sys/fs/cgroup/${controller}`, path!, olderFiles, read);
    }
  }
}

/** A container often sees its own group as the root, whatever the path says. */
function* wordsAlong(
  root: string,
  path: string,
  files: readonly string[],
  read: ReadTextFile,
): Generator<string[]> {
  const parts = path.split("/").filter(Boolean);
  for (let depth = parts.length; depth >= 0; depth--) {
    const folder = [root, ...parts.slice(0, depth)].join("/");
    yield files.flatMap((file) => (read(`${folder}/${file}`) ?? "").split(/\s+/).filter(Boolean));
  }
}

export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
