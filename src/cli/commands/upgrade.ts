/** `kamal-proxy upgrade [PATH|-]` */
import { CommandError } from "../../config/command-error.ts";
import { cliCommand, send } from "../cli-command.ts";
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
    const path = file === "-" ? await context.saveInput(nextPath(ownDataFolder(context))) : file;
    const { upgraded } = await send(context, {
      command: "upgrade",
      path: path === "" ? null : context.absolutePath(path),
    });
    if (upgraded === undefined)
      throw new CommandError("the proxy did not say that it was upgraded");
    const { from, to, workers } = upgraded;
    await context.write(`Upgraded from ${from} to ${to}, which serves with ${workers} workers.\n`);
    return 0;
  },
});

/** Beside the state: it is there as long as what it works with. */
function nextPath(folder: string): string {
  return `${folder}/kamal-proxy-upgrade`;
}
