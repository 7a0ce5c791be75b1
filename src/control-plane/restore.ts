/** From the saved state to services that are served again, each on its own. */
import { invalidTargetText, parseTarget, type TargetAddress } from "../config/target-address.ts";
import { messageOf } from "../lib/error-text.ts";
import type { Logger } from "../lib/logger.ts";
import { groupsOf, type DeployedService } from "./deployed-service.ts";
import { checkService, type LoadedFiles, type ServiceFiles } from "./service-check.ts";
import type { ServiceRegistry } from "./service-registry.ts";
import type { BrokenEntry, SavedService, StateEntry } from "./state/state-entry.ts";
import type { Handover } from "./upgrade/handover.ts";
import { type GroupContext, type HandedTarget, TargetGroup } from "./health/target-group.ts";

export interface RestoreContext {
  /** Null: nothing was handed over. */
  handover: Handover | null;
  registry: ServiceRegistry;
  files: ServiceFiles;
  logger: Logger;
  groups: GroupContext;
}

/**
 * An entry that can't be read is kept and listed with its reason. A service whose certificate, error pages
 * or files of settings can't be loaded is degraded: its routes stay its own, its handshakes are refused, its
 * error pages are the default ones, and nobody passes a rule that is not known. Neither takes another service with it.
 */
export async function restoreServices(
  entries: StateEntry[],
  context: RestoreContext,
): Promise<void> {
  const { registry, logger } = context;
  const services: DeployedService[] = [];
  const broken: BrokenEntry[] = [];
  for (const entry of entries) {
    if (entry.kind === "broken") {
      broken.push(entry);
      logger.error("Unable to restore service", { service: entry.name, error: entry.reason });
    } else {
      services.push(await restoreService(entry.service, context));
    }
  }
  registry.restore(services, broken);
  for (const service of services) {
    for (const group of groupsOf(service)) group.start();
  }
}

/** Makes those whole again whose certificate and error pages are there. */
export async function retryDegraded(context: RestoreContext): Promise<void> {
  const { registry, files, logger } = context;
  for (const service of registry.all()) {
    if (service.degraded === null) continue;
    let loaded: LoadedFiles;
    try {
      loaded = await checkService(service.name, service.options, files, silentLogger);
    } catch {
      continue;
    }
    // A command may have changed it meanwhile.
    const current = registry.get(service.name);
    if (current?.active !== service.active) continue;
    registry.set({ ...current, ...loaded, degraded: null });
    logger.info("Service restored", { service: service.name });
  }
}

async function restoreService(
  saved: SavedService,
  { files, logger, groups, handover }: RestoreContext,
): Promise<DeployedService> {
  const { name, options, targetOptions, pause, rolloutSplit, rolloutPlan } = saved;
  const handed = handover?.targets[name];
  const group = (
    writers: string[],
    readers: string[],
    targets: readonly HandedTarget[] | null | undefined,
  ) => {
    const restored = new TargetGroup(
      writers.map(readAddress),
      readers.map(readAddress),
      targetOptions,
      groups,
    );
    restored.assumeHealthy();
    restored.takeOver(targets ?? []);
    return restored;
  };
  let loaded: LoadedFiles = { errorPages: null, fileContents: {} };
  let degraded: string | null = null;
  try {
    loaded = await checkService(name, options, files, logger);
  } catch (error) {
    degraded = messageOf(error);
    logger.error("Service is degraded", { service: name, error: degraded });
  }
  return {
    name,
    options,
    layers: saved.layers,
    active: group(saved.activeTargets, saved.activeReaders, handed?.active),
    rollout:
      saved.rolloutTargets === null && saved.rolloutReaders === null
        ? null
        : group(saved.rolloutTargets ?? [], saved.rolloutReaders ?? [], handed?.rollout),
    pause,
    rolloutSplit,
    rolloutPlan,
    ...loaded,
    degraded,
  };
}

/** Saved addresses were checked when the file was read. */
function readAddress(address: string): TargetAddress {
  const target = parseTarget(address);
  if (target === undefined) throw new Error(invalidTargetText(address));
  return target;
}

/** What is wrong with a service was logged once; a retry does not repeat it. */
const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
