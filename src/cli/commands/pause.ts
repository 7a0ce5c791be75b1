/** `kamal-proxy pause <service>` */
import { commandDefaults } from "../../config/defaults.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { drainTimeoutFlag } from "../flags/flags.ts";

export const pause = cliCommand({
  path: "pause",
  operands: "<service>",
  summary: "Holds new requests to a service until it is resumed.",
  positionals: "service",
  flags: () => ({
    ...drainTimeoutFlag("requests under way"),
    "max-pause": {
      kind: "duration",
      fallback: commandDefaults.maxPauseMs,
      help: "Time that a request is held at most",
    },
  }),
  run: ({ service, values, context }) =>
    sendQuietly(context, {
      command: "pause",
      service,
      drainTimeoutMs: values["drain-timeout"],
      maxPauseMs: values["max-pause"],
    }),
});
