/** `kamal-proxy reload [service]` */
import type { SettingChange } from "../../control-plane/socket/protocol.ts";
import { printableText } from "../../lib/printable-text.ts";
import { cliCommand, send } from "../cli-command.ts";

export const reload = cliCommand({
  path: "reload",
  operands: "[service]",
  summary:
    "Reads the files of settings again and applies what has changed, to all services or one.",
  positionals: "service-or-none",
  flags: () => ({
    "dry-run": { kind: "switch", fallback: false, help: "Only say what would change" },
  }),
  async run({ service, values, context }) {
    const { changes = [], warnings = [] } = await send(context, {
      command: "reload",
      service: service === "" ? null : service,
      dryRun: values["dry-run"],
    });
    await context.write(changes.map(changeLine).join(""));
    for (const warning of warnings) await context.writeError(`Warning: ${warning}\n`);
    return 0;
  },
});

function changeLine({ service, flag, from, to, source }: SettingChange): string {
  const [before, after] = [JSON.stringify(from), JSON.stringify(to)];
  return `${printableText(`${service}: ${flag} ${before} → ${after} (${source})`)}\n`;
}
