/** The options of a service in the terms of the program, as a deploy sets them. */
import type { ValuesOf } from "./setting.ts";
import type { healthCheckSettings, serviceSettings, targetSettings } from "./settings.ts";

export type ServiceOptions = ValuesOf<typeof serviceSettings>;
export type HealthCheckOptions = ValuesOf<typeof healthCheckSettings>;

export interface TargetOptions extends ValuesOf<typeof targetSettings> {
  healthCheck: HealthCheckOptions;
}

export type PauseState = "running" | "paused" | "stopped";

export interface Pause {
  state: PauseState;
  /** Shown by the 503 page of a stopped service. */
  stopMessage: string;
  /** How long a request may be held while paused. */
  failAfterMs: number;
}

export interface RolloutSplit {
  percentage: number;
  /** Hashes up to this value belong to the rollout group. */
  splitPoint: number;
  allowlist: string[];
}
