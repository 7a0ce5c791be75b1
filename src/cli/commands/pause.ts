/** `kamal-proxy pause <service>` */
import { deployDefaults } from "../../config/defaults.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { duration } from "../flags/flags.ts";

export const pause = cliCommand({
  path: "pause",
  operands: "<service>",
  summary: "Holds new requests to a service until it is resumed.",
  positionals: "service",
  flags: () => ({
    "drain-timeout": duration(
      "Time that requests under way have to finish",
      deployDefaults.drainTimeoutMs,
    ),
    "max-pause": duration("Time that a request is held at most", deployDefaults.maxPauseMs),
  }),
  run: ({ service, values, context }) =>
    sendQuietly(context, {
      command: "pause",
      service,
      drainTimeoutMs: values["drain-timeout"],
      maxPauseMs: values["max-pause"],
    }),
});
