/** The shape of the tree of commands. A command's own file is loaded when it is used. */
import type { CliCommand } from "./cli-command.ts";

export interface Leaf {
  kind: "command";
  name: string;
  summary: string;
  aliases: readonly string[];
  /** Never suggested for a mistyped name. */
  auxiliary: boolean;
  load(): Promise<CliCommand>;
}

export interface Group {
  kind: "group";
  name: string;
  summary: string;
  aliases: readonly string[];
  /** The entry that is meant when none is named. */
  fallback?: Leaf;
  /** In the order in which they are suggested. */
  entries: readonly Entry[];
}

export type Entry = Leaf | Group;
