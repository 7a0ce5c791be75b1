/** `kamal-proxy help [command]` */
import type { CliCommand } from "../cli-command.ts";
import type { Group } from "../command-tree.ts";
import type { CliContext } from "../context.ts";
import { findCommand } from "../find-command.ts";
import { parseFlags } from "../flags/parse-flags.ts";
import { groupHelp } from "../group-help.ts";
import { commandHelp } from "../help.ts";

const page = {
  path: "help",
  operands: "[command]",
  summary: "Shows the help of a command, such as `kamal-proxy help rollout set`.",
};

export const help = (root: Group): CliCommand => ({
  positionals: "any",
  flags: () => ({}),
  help: () => commandHelp(page, {}),
  async execute(args, context) {
    const parsed = parseFlags({}, args);
    if (parsed.help) await context.write(commandHelp(page, {}));
    else await showTopic(root, parsed.positionals, context);
    return 0;
  },
});

async function showTopic(
  root: Group,
  topic: readonly string[],
  context: CliContext,
): Promise<void> {
  const found = findCommand(root, topic);
  if (found.path.length === 0 && found.unknown !== undefined) {
    const names = topic.map((name) => `\`${name}\``).join(" ");
    await context.writeError(`Unknown help topic [${names}]\n${groupHelp(root, root)}`);
    return;
  }
  const entry = found.path.at(-1) ?? root;
  if (entry.kind === "group") {
    await context.write(groupHelp(root, entry));
    return;
  }
  const command = await entry.load();
  await context.write(command.help(context.environment));
}
