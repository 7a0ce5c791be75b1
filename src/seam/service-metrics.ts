/** Counts of requests as they cross the seam. */
import type { RolloutCounts } from "./group-counts.ts";

/** Upper bounds of the duration buckets in seconds; the last bucket has none. */
export const durationBuckets: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Requests that ended with one method and status, in one of the groups of a service. */
export interface Series {
  readonly method: string;
  readonly status: string;
  /** They went to the targets of a rollout, or to the active ones beside them; null: neither. */
  readonly rollout: boolean | null;
  count: number;
  sumSeconds: number;
  /** Of the bodies of responses, as far as they were sent. */
  bodyBytes: number;
  /** Each bucket alone, not the ones below it. */
  readonly buckets: number[];
}

/** What counts beside requests: one was sent to a target again, or a target was taken out because it failed. */
export type ServiceEvent = "retry" | "ejection";

export interface ServiceMetrics {
  readonly service: string;
  inFlight: number;
  /** Whether a request was ever under way; else there is no gauge. */
  started: boolean;
  readonly series: readonly Series[];
  /** Requests that policies have answered, by their name in the log. */
  readonly answeredBy: Readonly<Record<string, number>>;
  /** How often each has happened; missing: never. */
  readonly events?: Readonly<Partial<Record<ServiceEvent, number>>>;
  /** Null as long as there was no rollout. */
  readonly groups: RolloutCounts | null;
}
