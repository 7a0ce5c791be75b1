/** The flags of `deploy`, and those that `rollout deploy` shares with it. */
import { commandDefaults } from "../../config/defaults.ts";
import { certificateFolder, dataFolder, type Environment } from "../../config/paths.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../config/settings.ts";
import { drainTimeoutFlag, type FlagTable } from "./flags.ts";
import { flagsOf } from "./setting-flags.ts";

export type DeployFlags = ReturnType<typeof deployFlags>;

export function deployFlags(environment: Environment) {
  return {
    ...groupFlags,
    ...deployOnlyFlags,
    ...flagsOf(serviceSettings),
    ...flagsOf(healthCheckSettings),
    ...flagsOf(targetSettings),
    "tls-acme-cache-path": {
      ...serviceSettings.acmeCachePath,
      fallback: certificateFolder(dataFolder(environment)),
    },
  };
}

/** The targets that are deployed together, and the time for it; `rollout deploy` has the same. */
export const groupFlags = {
  target: {
    kind: "list",
    fallback: [],
    help: "Address of a target, host or host:port (repeatable, required)",
  },
  "read-target": {
    kind: "list",
    fallback: [],
    help: "Address of a target for reads only (repeatable)",
  },
  "deploy-timeout": {
    kind: "duration",
    fallback: commandDefaults.deployTimeoutMs,
    help: "Time that the targets have to become healthy",
  },
  ...drainTimeoutFlag("requests to replaced targets"),
} as const satisfies FlagTable;

const deployOnlyFlags = {
  force: { kind: "switch", fallback: false, help: "Do not wait for the targets to be healthy" },
  /** Stands for a value of `acmeDirectory`. */
  "tls-staging": {
    kind: "switch",
    fallback: false,
    help: "Take certificates from the staging environment of Let's Encrypt",
  },
} as const satisfies FlagTable;
