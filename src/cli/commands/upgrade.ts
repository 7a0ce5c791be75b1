/** `kamal-proxy upgrade [PATH|-]` */
import { CommandError } from "../../config/command-error.ts";
import type { InputFile } from "../../lib/input-file.ts";
import { messageOf } from "../../lib/error-text.ts";
import { cliCommand, send } from "../cli-command.ts";
import type { CliContext } from "../context.ts";
import { ownDataFolder } from "../data-folder.ts";

export const upgrade = cliCommand({
  path: "upgrade",
  operands: "[<file>|-]",
  summary: "Puts another executable in the place of the running proxy; no request is lost.",
  notes:
    "Without a file it is the one that the proxy was started from, as it is on disk now; - reads it from\n" +
    "standard input. It is tried first: one that can't take over changes nothing.\n",
  positionals: "file",
  flags: () => ({}),
  async run({ service: file, context }) {
    if (file !== "-") {
      return await upgradeTo(file === "" ? null : context.absolutePath(file), context);
    }
    const input = await saveInput(context);
    let upgraded = false;
    try {
      const code = await upgradeTo(context.absolutePath(input.path), context);
      upgraded = true;
      return code;
    } finally {
      input.settle(upgraded);
    }
  },
});

async function upgradeTo(path: string | null, context: CliContext): Promise<number> {
  const { upgraded } = await send(context, { command: "upgrade", path });
  if (upgraded === undefined) throw new CommandError("the proxy did not say that it was upgraded");
  const { from, to, workers } = upgraded;
  await context.write(`Upgraded from ${from} to ${to}, which serves with ${workers} workers.\n`);
  return 0;
}

async function saveInput(context: CliContext): Promise<InputFile> {
  const path = nextPath(ownDataFolder(context));
  try {
    return await context.saveInput(path);
  } catch (error) {
    throw new CommandError(`unable to write standard input to ${path}: ${messageOf(error)}`);
  }
}

/** Beside the state: it is there as long as what it works with. */
function nextPath(folder: string): string {
  return `${folder}/kamal-proxy-upgrade`;
}
