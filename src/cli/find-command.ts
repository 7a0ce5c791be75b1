/**
 * Finds the command that arguments name. Flags may stand before the name, so `--target a deploy x`
 * is a deploy; as in cobra a flag without `=` takes the next argument with it.
 */
import type { Entry, Group } from "./command-tree.ts";

export interface Found {
  /** From below the root down to the command; empty for the root itself. */
  path: Entry[];
  /** All arguments but the names. */
  rest: string[];
  /** A name that the last group does not know. */
  unknown: string | undefined;
}

const helpFlags = new Set(["-h", "--help"]);

export function findCommand(root: Group, args: readonly string[]): Found {
  const path: Entry[] = [];
  const rest = [...args];
  let group = root;
  for (;;) {
    const index = nameIndex(rest);
    if (index < 0) {
      // The help of a group is its own.
      const isFallback = group.fallback !== undefined && !rest.some((arg) => helpFlags.has(arg));
      if (isFallback) path.push(group.fallback!);
      return { path, rest, unknown: undefined };
    }
    const name = rest[index]!;
    const entry = group.entries.find((each) => each.name === name || each.aliases.includes(name));
    if (entry === undefined) return { path, rest, unknown: name };
    path.push(entry);
    rest.splice(index, 1);
    if (entry.kind === "command") return { path, rest, unknown: undefined };
    group = entry;
  }
}

function nameIndex(args: readonly string[]): number {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--") return -1;
    if (arg !== "" && !arg.startsWith("-")) return index;
    if (takesNext(arg)) index++;
  }
  return -1;
}

function takesNext(arg: string): boolean {
  return !arg.includes("=") && (arg.startsWith("--") || (arg.startsWith("-") && arg.length === 2));
}
