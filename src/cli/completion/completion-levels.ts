/** What can follow on the command line at each of its levels, for the scripts of all shells. */
import type { Entry, Group } from "../command-tree.ts";
import { type Flag, type FlagTable, helpFlag, versionFlag } from "../flags/flags.ts";

export type Shell = "bash" | "zsh" | "fish";

export const shells: readonly Shell[] = ["bash", "zsh", "fish"];

export interface CompletionLevel {
  /** Names that lead here, such as `rollout set`; empty: the program itself. */
  path: string;
  /** As they can be typed, each with the path above it. */
  names: { above: string; name: string }[];
  /** Commands, or the values of the positional. */
  words: CompletionWord[];
  flags: CompletionFlag[];
  takesService: boolean;
}

export interface CompletionWord {
  word: string;
  description: string;
}

export interface CompletionFlag {
  name: string;
  description: string;
  /** Booleans take none. */
  value: "none" | "file" | "other";
}

/** Shell function body that prints the services' names, one a line. */
export const serviceNames =
  "kamal-proxy list 2>/dev/null | sed -e 1d -e 's/\\x1b\\[[0-9;]*m//g' | cut -d ' ' -f 1";

/** The program first, then each group and command. */
export async function completionLevels(root: Group): Promise<CompletionLevel[]> {
  return [
    {
      ...groupLevel(root, ""),
      flags: flagList(versionFlag),
      names: [],
    },
    ...(await levelsBelow(root, "")),
  ];
}

async function levelsBelow(group: Group, above: string): Promise<CompletionLevel[]> {
  const levels = await Promise.all(
    group.entries.map(async (entry): Promise<CompletionLevel[]> => {
      const path = above === "" ? entry.name : `${above} ${entry.name}`;
      const names = [entry.name, ...entry.aliases].map((name) => ({ above, name }));
      if (entry.kind === "group") {
        return [{ ...groupLevel(entry, path), names }, ...(await levelsBelow(entry, path))];
      }
      return [{ ...(await commandLevel(entry, path, group)), names }];
    }),
  );
  return levels.flat();
}

function groupLevel(group: Group, path: string): Omit<CompletionLevel, "names"> {
  return { path, words: commandWords(group), flags: flagList({}), takesService: false };
}

async function commandLevel(
  entry: Extract<Entry, { kind: "command" }>,
  path: string,
  group: Group,
): Promise<Omit<CompletionLevel, "names">> {
  const command = await entry.load();
  const words =
    entry.name === "help"
      ? commandWords(group)
      : command.positionals === "shell"
        ? shells.map((word) => ({ word, description: "" }))
        : [];
  return {
    path,
    words,
    // Defaults play no part here, so neither does the environment.
    flags: flagList(command.flags({})),
    takesService: command.positionals.startsWith("service"),
  };
}

function commandWords(group: Group): CompletionWord[] {
  return group.entries.map(({ name, summary }) => ({ word: name, description: summary }));
}

function flagList(table: FlagTable): CompletionFlag[] {
  return Object.entries<Flag>({ ...table, ...helpFlag }).map(([name, { kind, help, file }]) => ({
    name,
    description: help,
    value: kind === "switch" ? "none" : file === true ? "file" : "other",
  }));
}
