/** `kamal-proxy remove <service>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const remove = cliCommand({
  path: "remove",
  operands: "<service>",
  summary: "Removes a service; requests under way may finish.",
  aliases: ["remove", "rm"],
  positionals: "service",
  flags: () => ({}),
  run: ({ service, context }) => sendQuietly(context, { command: "remove", service }),
});
