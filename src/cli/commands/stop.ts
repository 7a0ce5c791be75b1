/** `kamal-proxy stop <service>` */
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { drainTimeoutFlag } from "../flags/flags.ts";

export const stop = cliCommand({
  path: "stop",
  operands: "<service>",
  summary: "Answers all requests to a service with status 503 until it is resumed.",
  positionals: "service",
  flags: () => ({
    ...drainTimeoutFlag("requests under way"),
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
