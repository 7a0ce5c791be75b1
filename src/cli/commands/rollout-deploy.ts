/** `kamal-proxy rollout deploy <service>` */
import { CommandError } from "../../config/command-error.ts";
import { deployDefaults } from "../../config/defaults.ts";
import { validateTargets } from "../../config/validate-options.ts";
import { cliCommand, sendQuietly } from "../cli-command.ts";
import { duration, strings } from "../flags.ts";

export const rolloutDeploy = cliCommand({
  path: "rollout deploy",
  operands: "<service>",
  summary: "Starts targets beside the active ones; `rollout set` then sends requests to them.",
  positionals: "service",
  rules: { required: ["target"] },
  flags: () => ({
    target: strings("Address of a target, host or host:port (repeatable, required)"),
    "read-target": strings("Address of a target for reads only (repeatable)"),
    "deploy-timeout": duration(
      "Time that the targets have to become healthy",
      deployDefaults.deployTimeoutMs,
    ),
    "drain-timeout": duration(
      "Time that requests to replaced targets have to finish",
      deployDefaults.drainTimeoutMs,
    ),
  }),
  run: ({ service, values, context }) => {
    const fault = validateTargets(values.target);
    if (fault !== undefined) throw new CommandError(fault);
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
