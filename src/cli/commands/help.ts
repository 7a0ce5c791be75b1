/** `kamal-proxy help [command]` */
import { catalogue } from "../catalogue.ts";
import type { CliContext } from "../context.ts";
import { commandHelp } from "../help.ts";
import type { CliCommand } from "../cli-command.ts";
import { findCommand } from "../find-command.ts";
import { parseFlags } from "../flags/parse-flags.ts";
import { helpOf } from "../program.ts";

const page = {
  path: "help",
  operands: "[command]",
  summary: "Shows the help of a command, such as `kamal-proxy help rollout set`.",
};

export const help: CliCommand = {
  positionals: "any",
  flags: () => ({}),
  help: () => commandHelp(page, {}),
  async execute(args, context) {
    const parsed = parseFlags({}, args);
    if (parsed.help) await context.write(commandHelp(page, {}));
    else await showTopic(parsed.positionals, context);
    return 0;
  },
};

async function showTopic(topic: readonly string[], context: CliContext): Promise<void> {
  const found = findCommand(catalogue, topic);
  if (found.path.length === 0 && found.unknown !== undefined) {
    const names = topic.map((name) => `\`${name}\``).join(" ");
    await context.writeError(`Unknown help topic [${names}]\n${helpOf(catalogue)}`);
    return;
  }
  const entry = found.path.at(-1) ?? catalogue;
  if (entry.kind === "group") {
    await context.write(helpOf(entry));
    return;
  }
  const command = await entry.load();
  await context.write(command.help(context.environment));
}
