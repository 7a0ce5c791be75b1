/** The help of the program and of its groups of commands. */
import type { Group } from "./command-tree.ts";
import { type FlagTable, versionFlag } from "./flags/flags.ts";
import { columns, flagSection } from "./help.ts";

/** `kamal-proxy` or `kamal-proxy rollout`. */
export function groupPath(root: Group, group: Group): string {
  return group === root ? root.name : `${root.name} ${group.name}`;
}

export function flagsOfGroup(root: Group, group: Group): FlagTable {
  return group === root ? versionFlag : {};
}

export function groupHelp(root: Group, group: Group): string {
  const path = groupPath(root, group);
  const commands = group.entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const sections = [
    group.summary,
    `Usage:\n  ${path} [command]`,
    `Commands:\n${columns(commands.map(({ name, summary }) => [name, summary]))}`,
    flagSection(flagsOfGroup(root, group)),
    `Run "${path} [command] --help" for the flags of a command.`,
  ];
  return `${sections.join("\n\n")}\n`;
}
