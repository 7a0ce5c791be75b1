/** How a rollout goes on by itself: its steps, and when it is taken back. */
import { goQuote } from "../go/quote.ts";

export interface RolloutPlan {
  /** Shares in percent, each larger than the one before. */
  steps: number[];
  /** How long a share is watched, at least. */
  everyMs: number;
  /** Percent of the requests that may fail with 5xx, whatever the active targets do. */
  maxErrorRate: number;
  /** How many times the 95th percentile of the active targets the one of the rollout may be. */
  maxP95: number;
  /** Before that nothing is decided. */
  minRequests: number;
  /** At the end the targets of the rollout become the active ones. */
  promote: boolean;
  /** For requests of the active targets that are replaced. */
  drainTimeoutMs: number;
}

const maxSteps = 50;
const minEveryMs = 1_000;
const maxEveryMs = 24 * 3_600_000;

/** Undefined when all is well. */
export function rolloutPlanFault(plan: RolloutPlan): string | undefined {
  const { steps, everyMs, maxErrorRate, maxP95, minRequests, promote } = plan;
  if (steps.length === 0 || steps.length > maxSteps) return `steps must be 1 to ${maxSteps} shares`;
  if (!steps.every(isShare)) return "steps must be whole percentages from 1 to 100";
  if (steps.some((step, index) => index > 0 && step <= steps[index - 1]!)) {
    return "each of the steps must be larger than the one before";
  }
  if (promote && steps.at(-1) !== 100) {
    return "the last of the steps must be 100, or --no-promote be given";
  }
  if (!(everyMs >= minEveryMs && everyMs <= maxEveryMs)) return "every must be between 1s and 24h";
  if (!(maxErrorRate >= 0 && maxErrorRate < 100)) return "max-error-rate must be from 0% to 99.9%";
  if (!(maxP95 >= 1 && maxP95 <= 100)) return "max-p95 must be from 1x to 100x";
  if (!(minRequests >= 1 && minRequests <= 1e9)) return "min-requests must be from 1 to 1000000000";
  return undefined;
}

function isShare(step: number): boolean {
  return Number.isInteger(step) && step >= 1 && step <= 100;
}

/** `1,5,25` or `1%,5%,25%`; what is no number fails later as no whole percentage. */
export function parseSteps(texts: readonly string[]): number[] {
  return texts.map((text) => parsedNumber(text, "%") ?? Number.NaN);
}

/** `1%` or `1`. */
export function parseErrorRate(text: string): { value: number } | { error: string } {
  const value = parsedNumber(text, "%");
  if (value !== undefined) return { value };
  return { error: `max-error-rate ${goQuote(text)} is no percentage such as 1% or 0.5%` };
}

/** `1.5x` or `1.5`. */
export function parseFactor(text: string): { value: number } | { error: string } {
  const value = parsedNumber(text, "x");
  if (value !== undefined) return { value };
  return { error: `max-p95 ${goQuote(text)} is no factor such as 1.5x or 2x` };
}

function parsedNumber(text: string, unit: string): number | undefined {
  const trimmed = text.trim();
  const digits = trimmed.endsWith(unit) ? trimmed.slice(0, -unit.length) : trimmed;
  return /^\d{1,9}(\.\d{1,9})?$/.test(digits) ? Number(digits) : undefined;
}
