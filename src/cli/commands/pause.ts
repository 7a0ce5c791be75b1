/** `kamal-proxy pause <service>` */
import { commandDefaults } from "../../config/defaults.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const pause = cliCommand({
  path: "pause",
  operands: "<service>",
  summary: "Holds new requests to a service until it is resumed.",
  positionals: "service",
  flags: () => ({
    "drain-timeout": {
      kind: "duration",
      fallback: commandDefaults.drainTimeoutMs,
      help: "Time that requests under way have to finish",
    },
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
