/** What the control plane knows of one service. */
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { Pause, RolloutSplit, ServiceOptions } from "../config/options.ts";
import type { FileContents } from "../config/named-files.ts";
import type { SettingLayers } from "../config/setting-layers.ts";
import type { ServiceSnapshot } from "../seam/snapshot.ts";
import type { SavedService } from "./state/state-entry.ts";
import type { TargetGroup } from "./health/target-group.ts";

/** Replaced as a whole by each change, never changed in place. */
export interface DeployedService {
  readonly name: string;
  readonly options: ServiceOptions;
  /** What the options were made of. */
  readonly layers: SettingLayers;
  /** Its target options are those of the service. */
  readonly active: TargetGroup;
  readonly rollout: TargetGroup | null;
  readonly pause: Pause;
  readonly rolloutSplit: RolloutSplit | null;
  /** Of a rollout that goes on by itself, or would if somebody followed it; null: there is none. */
  readonly rolloutPlan: PlannedRollout | null;
  readonly errorPages: Record<string, string> | null;
  readonly fileContents: FileContents;
  /** What of its configuration could not be loaded, and so is not served; null when all is well. */
  readonly degraded: string | null;
}

export interface PlannedRollout extends RolloutPlan {
  /** The index of the share that is being watched. */
  step: number;
}

export const running: Pause = { state: "running", stopMessage: "", failAfterMs: 0 };

const maxHash = 4_294_967_295;

/** In the same floating-point steps as kamal-proxy, so that the same visitors stay in the group. */
export function rolloutSplit(percentage: number, allowlist: string[]): RolloutSplit {
  return { percentage, splitPoint: maxHash * (percentage / 100), allowlist };
}

export function groupsOf(service: DeployedService): TargetGroup[] {
  return service.rollout === null ? [service.active] : [service.active, service.rollout];
}

export function serviceSnapshot(
  service: DeployedService,
  options: ServiceOptions,
): ServiceSnapshot {
  return {
    name: service.name,
    options,
    active: service.active.snapshot(),
    rollout: service.rollout?.snapshot() ?? null,
    pause: service.pause,
    rolloutSplit: service.rolloutSplit,
    errorPages: service.errorPages,
    fileContents: service.fileContents,
  };
}

export function savedService(service: DeployedService, options: ServiceOptions): SavedService {
  return {
    name: service.name,
    options,
    layers: service.layers,
    targetOptions: { ...service.active.targetOptions, targetWeights: weightsOfAll(service) },
    activeTargets: service.active.addresses(false),
    activeReaders: service.active.addresses(true),
    rolloutTargets: service.rollout?.addresses(false) ?? null,
    rolloutReaders: service.rollout?.addresses(true) ?? null,
    pause: service.pause,
    rolloutSplit: service.rolloutSplit,
    rolloutPlan: service.rolloutPlan,
  };
}

function weightsOfAll(service: DeployedService): string[] {
  return [...new Set(groupsOf(service).flatMap((group) => group.targetOptions.targetWeights))];
}
