/** What the state file holds, in the proxy's own terms. */
import type { Pause, RolloutSplit, ServiceOptions, TargetOptions } from "../../config/options.ts";
import type { RolloutPlan } from "../../config/rollout-plan.ts";
import type { SettingLayers } from "../../config/setting-layers.ts";

export interface SavedService {
  name: string;
  options: ServiceOptions;
  targetOptions: TargetOptions;
  layers: SettingLayers;
  activeTargets: string[];
  activeReaders: string[];
  /** Null when there is no rollout. */
  rolloutTargets: string[] | null;
  rolloutReaders: string[] | null;
  pause: Pause;
  rolloutSplit: RolloutSplit | null;
  /** With the index of its present step; null: none goes on by itself. */
  rolloutPlan: (RolloutPlan & { step: number }) | null;
}

/** An entry that makes no service. It stays in the file, so that nothing is lost. */
export interface BrokenEntry {
  kind: "broken";
  /** Undefined when not even the name can be read. */
  name: string | undefined;
  raw: unknown;
  reason: string;
}

export type StateEntry = { kind: "service"; service: SavedService } | BrokenEntry;
