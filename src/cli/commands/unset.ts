/** `kamal-proxy unset <service>` */
import { CommandError } from "../../config/command-error.ts";
import { flaggedSettings } from "../../config/setting-layers.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import type { Flag, FlagTable } from "../flags/flags.ts";

export const unset = cliCommand({
  path: "unset",
  operands: "<service>",
  summary: "Takes back what `set` has set, at once; what deploys and files say counts again.",
  positionals: "service",
  flags: (): FlagTable => ({
    all: { kind: "switch", fallback: false, help: "All that was set" },
    ...Object.fromEntries([...flaggedSettings.keys()].map((flag) => [flag, named(flag)])),
  }),
  run({ service, values, given, context }) {
    const flags = [...given].filter((flag) => flag !== "all");
    const isAll = values["all"] === true;
    if (isAll === flags.length > 0) {
      throw new CommandError("name the options to take back, or --all");
    }
    return sendQuietly(context, { command: "unset", service, flags: isAll ? null : flags });
  },
});

function named(flag: string): Flag {
  return { kind: "switch", fallback: false, help: `What --${flag} has set` };
}
