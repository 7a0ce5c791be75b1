/** One step of a rollout: what both groups have served since it began, and what follows from it. Pure. */
import type { RolloutPlan } from "../../config/rollout-plan.ts";
import {
  countsSince,
  durationAt,
  type GroupCounts,
  noCounts,
  type RolloutCounts,
} from "../../seam/group-counts.ts";
import type { GroupFigures, StepFigures } from "../socket/rollout-protocol.ts";
import { certainty, judge, type RolloutVerdict } from "./verdict.ts";

export class RolloutStep {
  readonly #plan: RolloutPlan;
  readonly #before: RolloutCounts;
  readonly #beganMs: number;
  /** The active targets when they last had enough requests to be compared with. */
  readonly #reference: GroupCounts | null;
  /** Why it is watched for longer than a while; null: it is not. */
  #doubt: string | null = null;
  /** Times that it is watched for as long as a step lasts. */
  #rounds = 1;
  #counts: RolloutCounts = { rollout: noCounts(), active: noCounts() };

  constructor(
    plan: RolloutPlan,
    before: RolloutCounts,
    beganMs: number,
    reference: GroupCounts | null,
  ) {
    this.#plan = plan;
    this.#before = before;
    this.#beganMs = beganMs;
    this.#reference = reference;
  }

  /** All but "well" and "worse": the step goes on. */
  look(now: RolloutCounts, nowMs: number): RolloutVerdict {
    const rollout = countsSince(this.#before.rollout, now.rollout);
    const active = countsSince(this.#before.active, now.active);
    this.#counts = { rollout, active };
    const isOver = this.remainingMs(nowMs) === 0;
    const chance = isOver ? certainty.step : certainty.early;
    const verdict = judge({ rollout, active, reference: this.reference }, this.#plan, chance);
    if (verdict.kind === "worse" || verdict.kind === "undecided") return verdict;
    if (!isOver) return { kind: "undecided" };
    this.#doubt = verdict.kind === "doubtful" ? verdict.reason : null;
    // Looking at it each second from now on would find chance often enough.
    if (this.#doubt !== null) this.#rounds++;
    return verdict;
  }

  /** Beyond a limit at the end of its time, but it may be chance: then it has as much time again. */
  get doubt(): string | null {
    return this.#doubt;
  }

  /** At 100 % hardly anybody comes to the active targets any more: then how they last failed is the measure. */
  get reference(): GroupCounts | null {
    const { active } = this.#counts;
    return active.requests >= this.#plan.minRequests ? active : this.#reference;
  }

  /** 0: it waits for requests only. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#beganMs + this.#rounds * this.#plan.everyMs - nowMs);
  }

  get figures(): StepFigures {
    const { rollout, active } = this.#counts;
    return { rollout: figuresOf(rollout), active: figuresOf(active) };
  }
}

function figuresOf(counts: GroupCounts): GroupFigures {
  return {
    requests: counts.requests,
    failed: counts.failed,
    p50_ms: durationAt(counts, 0.5),
    p95_ms: durationAt(counts, 0.95),
  };
}
