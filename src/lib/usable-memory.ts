/** The memory that this process may use: the machine's, or less where a control group limits it. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/** Content of a file; null when it can't be read. */
type ReadFile = (path: string) => string | null;

export function usableMemoryBytes(read: ReadFile = readText, machineBytes = totalmem()): number {
  return Math.min(machineBytes, ...groupLimits(read));
}

/** Of the group and those above it, in version 2 and 1 of control groups. */
function* groupLimits(read: ReadFile): Generator<number> {
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") {
      yield* limitsAlong("/sys/fs/cgroup", path!, "memory.max", read);
    } else if (controllers?.split(",").includes("memory")) {
      yield* limitsAlong("/sys/fs/cgroup/memory", path!, "memory.limit_in_bytes", read);
    }
  }
}

/** A container often sees its own group as the root, whatever the path says. */
function* limitsAlong(root: string, path: string, file: string, read: ReadFile): Generator<number> {
  const parts = path.split("/").filter(Boolean);
  for (let depth = parts.length; depth >= 0; depth--) {
    const text = read([root, ...parts.slice(0, depth), file].join("/"))?.trim() ?? "";
    // "max" is no limit.
    if (/^\d+$/.test(text)) yield Number(text);
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
