/** `kamal-proxy rollout stop <service>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const rolloutStop = cliCommand({
  path: "rollout stop",
  operands: "<service>",
  summary: "Sends all requests to the active targets again; the rollout targets stay.",
  positionals: "service",
  flags: () => ({}),
  run: ({ service, context }) => sendQuietly(context, { command: "rollout-stop", service }),
});
