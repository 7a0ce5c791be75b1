/**
 * Whether the targets of a rollout do worse than the active ones. Chance is kept out by exact tests: what a
 * few requests might show as well with equal targets takes nothing back. Pure.
 */
import type { RolloutPlan } from "../../config/rollout-plan.ts";
import { binomialTail, fisherTail } from "../../lib/exact-tests.ts";
import {
  durationAt,
  type GroupCounts,
  slowerThan,
  timedRequests,
} from "../../seam/group-counts.ts";

export type VerdictLimits = Pick<RolloutPlan, "maxErrorRate" | "maxP95" | "minRequests">;

export type RolloutVerdict =
  /** Too few requests. */
  | { kind: "undecided" }
  | { kind: "well" }
  /** Beyond a limit, but it may be chance. `reason` is told to the user: what was measured, and what may be. */
  | { kind: "doubtful"; reason: string }
  | { kind: "worse"; reason: string };

/** How rarely chance alone may take back a rollout that is as good as the active targets. */
export const certainty = {
  /** At the end of a step. */
  step: 5e-3,
  /** Each second before: only what could not be clearer ends a step early. */
  early: 1e-7,
  /** What is less rare gives no reason to watch a step for longer. */
  doubt: 0.1,
};

export interface Groups {
  rollout: GroupCounts;
  /** Over the same time: latencies of another time say nothing. */
  active: GroupCounts;
  /** The active targets when they last had enough requests to tell how often they fail; null: never. */
  reference: GroupCounts | null;
}

/** `chance`: the probability below which a difference is none by chance. */
export function judge(groups: Groups, limits: VerdictLimits, chance: number): RolloutVerdict {
  if (groups.rollout.requests < limits.minRequests) return { kind: "undecided" };
  const verdicts = [errorVerdict(groups, limits, chance), latencyVerdict(groups, limits, chance)];
  return (
    verdicts.find(({ kind }) => kind === "worse") ??
    verdicts.find(({ kind }) => kind === "doubtful") ?? { kind: "well" }
  );
}

/** More failures than the limit allows, and more than beside it: to be worse, both beyond chance. */
function errorVerdict(
  { rollout, reference }: Groups,
  { maxErrorRate }: VerdictLimits,
  chance: number,
): RolloutVerdict {
  const { failed, requests } = rollout;
  const allowed = maxErrorRate / 100;
  const byLimit = allowed === 0 && failed > 0 ? 0 : binomialTail(failed, requests, allowed);
  const byComparison =
    reference === null
      ? 0
      : fisherTail(
          { failed, total: requests },
          { failed: reference.failed, total: reference.requests },
        );
  const beside = reference === null ? "" : `, beside ${percent(reference)} of the active targets`;
  return verdictOf(
    Math.max(byLimit, byComparison),
    chance,
    `${percent(rollout)} of ${requests} requests failed with 5xx${beside}; ${maxErrorRate}% may`,
  );
}

const share = 0.95;
/** How far a quantile of few requests may be from the true one: as many standard deviations. */
const deviations = 3;

/**
 * More than one in twenty requests takes longer than so many times the 95th percentile of the active targets,
 * for which a value stands that it does not exceed by chance.
 */
function latencyVerdict(
  { rollout, active }: Groups,
  { maxP95, minRequests }: VerdictLimits,
  chance: number,
): RolloutVerdict {
  const besides = timedRequests(active);
  const certainShare = share + deviations * Math.sqrt((share * (1 - share)) / besides);
  if (besides < minRequests || !(certainShare < 1)) return { kind: "well" };
  const slower = slowerThan(rollout, maxP95 * durationAt(active, certainShare)!);
  return verdictOf(
    binomialTail(slower, timedRequests(rollout), 1 - share),
    chance,
    `p95 is ${milliseconds(durationAt(rollout, share))}, beside ` +
      `${milliseconds(durationAt(active, share))} of the active targets; ${maxP95} times as long may be`,
  );
}

function verdictOf(probability: number, chance: number, reason: string): RolloutVerdict {
  if (probability < chance) return { kind: "worse", reason };
  return probability < certainty.doubt ? { kind: "doubtful", reason } : { kind: "well" };
}

function percent({ failed, requests }: Pick<GroupCounts, "failed" | "requests">): string {
  return `${Number(((failed / Math.max(1, requests)) * 100).toFixed(2))}%`;
}

function milliseconds(durationMs: number | null): string {
  return `${Number((durationMs ?? 0).toPrecision(3))} ms`;
}
