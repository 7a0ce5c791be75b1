/** `kamal-proxy rollout deploy <service>` */
import { failOn } from "../../config/command-error.ts";
import { validateTargets } from "../../config/validate-options.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { groupFlags } from "../flags/deploy-flags.ts";

export const rolloutDeploy = cliCommand({
  path: "rollout deploy",
  operands: "<service>",
  summary: "Starts targets beside the active ones; `rollout set` then sends requests to them.",
  positionals: "service",
  rules: { required: ["target"] },
  flags: () => groupFlags,
  run: ({ service, values, context }) => {
    failOn(validateTargets(values.target));
    return sendQuietly(context, {
      command: "rollout-deploy",
      service,
      targets: values.target,
      readTargets: values["read-target"],
      deployTimeoutMs: values["deploy-timeout"],
      drainTimeoutMs: values["drain-timeout"],
    });
  },
});
