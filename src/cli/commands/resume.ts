/** `kamal-proxy resume <service>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const resume = cliCommand({
  path: "resume",
  operands: "<service>",
  summary: "Ends the pause or stop of a service.",
  positionals: "service",
  flags: () => ({}),
  run: ({ service, context }) => sendQuietly(context, { command: "resume", service }),
});
