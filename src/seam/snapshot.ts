/**
 * What the data plane serves: an immutable value that can be sent to another process as JSON.
 * Every change publishes a new snapshot; targets that keep their id keep their connections.
 */
import type { FileContents } from "../config/named-files.ts";
import type { Pause, RolloutSplit, ServiceOptions, TargetOptions } from "../config/options.ts";

export interface Snapshot {
  /** Grows by one with each snapshot. */
  revision: number;
  services: ServiceSnapshot[];
}

export interface ServiceSnapshot {
  name: string;
  options: ServiceOptions;
  active: PoolSnapshot;
  rollout: PoolSnapshot | null;
  pause: Pause;
  rolloutSplit: RolloutSplit | null;
  /** Source of the service's own error pages by file name without `.html`; null: default pages. */
  errorPages: Record<string, string> | null;
  /** What the files say that the options name; one that could not be read is missing. */
  fileContents: FileContents;
}

/** The targets that were deployed together, with the options they were deployed with. */
export interface PoolSnapshot {
  targets: TargetSnapshot[];
  targetOptions: TargetOptions;
}

export interface TargetSnapshot {
  /** Unique for each deployment of an address, so a redeploy of the same address is a new target. */
  id: string;
  /** `host:port`, or `host` when the port was not given. */
  address: string;
  host: string;
  port: number;
  readOnly: boolean;
  healthy: boolean;
}
