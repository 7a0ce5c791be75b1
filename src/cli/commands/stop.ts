/** `kamal-proxy stop <service>` */
import { commandDefaults } from "../../config/defaults.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const stop = cliCommand({
  path: "stop",
  operands: "<service>",
  summary: "Answers all requests to a service with status 503 until it is resumed.",
  positionals: "service",
  flags: () => ({
    "drain-timeout": {
      kind: "duration",
      fallback: commandDefaults.drainTimeoutMs,
      help: "Time that requests under way have to finish",
    },
    message: { kind: "text", fallback: "", help: "Text on the error page" },
  }),
  run: ({ service, values, context }) =>
    sendQuietly(context, {
      command: "stop",
      service,
      drainTimeoutMs: values["drain-timeout"],
      message: values.message,
    }),
});
