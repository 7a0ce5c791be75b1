/** `kamal-proxy rollout set <service>` */
import { failOn } from "../../config/command-error.ts";
import { validatePercentage } from "../../config/validate-options.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";

export const rolloutSet = cliCommand({
  path: "rollout set",
  operands: "<service>",
  summary: "Chooses the requests of the rollout, by their cookie `kamal-rollout`.",
  positionals: "service",
  rules: { oneOf: ["percent", "list"] },
  flags: () => ({
    percent: { kind: "percentage", fallback: 0, help: "Share of the cookie's values, 0 to 100" },
    list: {
      kind: "list",
      fallback: [],
      help: "Value of the cookie that belongs to the rollout (repeatable)",
    },
  }),
  run: ({ service, values, context }) => {
    failOn(validatePercentage(values.percent));
    return sendQuietly(context, {
      command: "rollout-set",
      service,
      percentage: values.percent,
      allowlist: values.list,
    });
  },
});
