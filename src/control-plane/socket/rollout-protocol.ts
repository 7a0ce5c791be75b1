/** What is said over the control socket of rollouts that go on by themselves. */
import type { RolloutPlan } from "../../config/rollout-plan.ts";

/** Goes on by itself until it is at its end, or the client is gone. */
export interface RolloutAutoCommand {
  command: "rollout-auto";
  service: string;
  /** Null: goes on with the one that was left at a step. */
  plan: RolloutPlan | null;
}

export interface AutomaticRolloutDescription {
  /** Shares in percent. */
  steps: number[];
  /** The index of the present one. */
  step: number;
  every_ms: number;
  /** Percent. */
  max_error_rate: number;
  /** Times the one of the active targets. */
  max_p95: number;
  min_requests: number;
  promote: boolean;
  /** A command follows it; else it stays at its step. */
  followed: boolean;
}

/** How a rollout does that goes on by itself. */
export interface RolloutProgress extends StepFigures {
  waiting_for: "rollout";
  /** Of the present step; 0: it only waits for requests. */
  remaining_ms: number;
  steps: number[];
  /** The index of the present one. */
  step: number;
  /** Requests of the rollout without which no step ends. */
  min_requests: number;
  /** Why the step is watched for longer: a limit is exceeded, but it may be chance; null: it is not. */
  doubt: string | null;
  /** At the end its targets become the active ones. */
  promotes: boolean;
  /** Since the command began. */
  passed: PassedStep[];
}

/** What both groups have served in a step. */
export interface StepFigures {
  rollout: GroupFigures;
  active: GroupFigures;
}

export interface PassedStep extends StepFigures {
  percentage: number;
}

export interface GroupFigures {
  requests: number;
  /** With 5xx. */
  failed: number;
  /** Null without requests. */
  p50_ms: number | null;
  p95_ms: number | null;
}
