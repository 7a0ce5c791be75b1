/** `kamal-proxy stop <service>` */
import { deployDefaults } from "../../config/defaults.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { duration, string } from "../flags/flags.ts";

export const stop = cliCommand({
  path: "stop",
  operands: "<service>",
  summary: "Answers all requests to a service with status 503 until it is resumed.",
  positionals: "service",
  flags: () => ({
    "drain-timeout": duration(
      "Time that requests under way have to finish",
      deployDefaults.drainTimeoutMs,
    ),
    message: string("Text on the error page"),
  }),
  run: ({ service, values, context }) =>
    sendQuietly(context, {
      command: "stop",
      service,
      drainTimeoutMs: values["drain-timeout"],
      message: values.message,
    }),
});
