/** `kamal-proxy rollout auto <service>` */
import { CommandError, failOn } from "../../config/command-error.ts";
import { socketPath } from "../../config/paths.ts";
import {
  parseErrorRate,
  parseFactor,
  parseSteps,
  type RolloutPlan,
  rolloutPlanFault,
} from "../../config/rollout-plan.ts";
import { cliCommand, type Input, warn } from "../cli-command.ts";
import { ProgressLine } from "../progress-line.ts";
import { RolloutScreen } from "../rollout/rollout-screen.ts";
import { drainTimeoutFlag, type FlagTable } from "../flags/flags.ts";

const flags = {
  steps: {
    kind: "list",
    fallback: ["1", "5", "25", "50", "100"],
    help: "Shares in percent, one after the other",
  },
  every: { kind: "duration", fallback: 120_000, help: "How long a share is watched, at least" },
  "max-error-rate": {
    kind: "text",
    fallback: "1%",
    help: "Requests to the new targets that may fail with 5xx",
  },
  "max-p95": {
    kind: "text",
    fallback: "1.5x",
    help: "Their 95th percentile of the latency, as so many times the one of the active targets",
  },
  "min-requests": {
    kind: "count",
    fallback: 200,
    help: "Requests to the new targets before anything is decided",
  },
  "no-promote": {
    kind: "switch",
    fallback: false,
    help: "Stay at the last share, instead of making the new targets the active ones",
  },
  ...drainTimeoutFlag("requests to replaced targets"),
  continue: {
    kind: "switch",
    fallback: false,
    help: "Go on with the rollout that was left at a step, as it was begun",
  },
} as const satisfies FlagTable;

export const rolloutAuto = cliCommand({
  path: "rollout auto",
  operands: "<service>",
  summary:
    "Raises the share of a rollout step by step, takes it back when its targets do worse than the active\n" +
    "ones, and makes them the active ones at the end.",
  notes:
    "It waits until the rollout is at its end. Without it (Ctrl-C, a restart) the share stays as it is, and\n" +
    "--continue goes on.\n",
  positionals: "service",
  flags: () => flags,
  async run(input) {
    const { service, context } = input;
    const plan = planOf(input);
    const screen = new RolloutScreen(service, context);
    const { terminal, environment } = context;
    const line = terminal === null ? null : new ProgressLine(terminal, environment);
    try {
      const reply = await context.send(
        socketPath(environment),
        { command: "rollout-auto", service, plan },
        (progress) => {
          if (progress.waiting_for === "rollout") screen.show(progress);
          else line?.show(progress);
        },
      );
      line?.clear();
      if (!reply.ok) throw new CommandError(reply.error);
      screen.end();
      await screen.close();
      await warn(context, reply.warnings);
      return 0;
    } finally {
      line?.clear();
      await screen.close();
    }
  },
});

function planOf({ values, given }: Input<typeof flags>): RolloutPlan | null {
  if (values.continue) {
    const others = [...given].filter((flag) => flag !== "continue");
    if (others.length === 0) return null;
    throw new CommandError(
      `--continue goes on as it was begun: leave out --${others.join(", --")}`,
    );
  }
  const plan = {
    steps: parseSteps(values.steps),
    everyMs: values.every,
    maxErrorRate: parsed(parseErrorRate(values["max-error-rate"])),
    maxP95: parsed(parseFactor(values["max-p95"])),
    minRequests: values["min-requests"],
    promote: !values["no-promote"],
    drainTimeoutMs: values["drain-timeout"],
  };
  failOn(rolloutPlanFault(plan));
  return plan;
}

function parsed(result: { value: number } | { error: string }): number {
  if ("error" in result) throw new CommandError(result.error);
  return result.value;
}
