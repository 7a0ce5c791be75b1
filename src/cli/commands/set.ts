/** `kamal-proxy set <service>` */
import { CommandError } from "../../config/command-error.ts";
import { settingJson } from "../../config/setting-json.ts";
import { flaggedSettings } from "../../config/setting-layers.ts";
import type { ValuesOf } from "../../config/setting.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import type { FlagTable } from "../flags/flags.ts";

export const set = cliCommand({
  path: "set",
  operands: "<service>",
  summary:
    "Sets options of a service at once, without a deploy.\n" +
    "They count more than what deploys say, until `unset` takes them back.",
  positionals: "service",
  flags: (): FlagTable => Object.fromEntries(flaggedSettings),
  run({ service, values, given, context }) {
    if (given.size === 0) throw new CommandError("at least one option is required");
    const flags: ValuesOf<FlagTable> = values;
    const json = [...given].map((flag) => [
      flag,
      settingJson(flaggedSettings.get(flag)!, flags[flag]!),
    ]);
    return sendQuietly(context, { command: "set", service, values: Object.fromEntries(json) });
  },
});
