/** The commands on a service that is there: pause, stop, resume, remove, and the rollout's split. */
import { CommandError, failOn } from "../config/command-error.ts";
import type { Pause } from "../config/options.ts";
import { validatePercentage } from "../config/validate-options.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { ServedServices } from "../seam/data-plane.ts";
import { type Report, waitForDrain } from "./socket/progress.ts";
import type { PauseCommand, RolloutSetCommand, StopCommand, Warnings } from "./socket/protocol.ts";
import { groupsOf, rolloutSplit, type DeployedService } from "./deployed-service.ts";
import type { ServiceRegistry } from "./service-registry.ts";
import type { StateStore } from "./state/state-store.ts";

export interface ServiceCommandContext {
  registry: ServiceRegistry;
  dataPlane: ServedServices;
  clock: Clock;
  store: StateStore;
  logger: Logger;
}

export function requireService(registry: ServiceRegistry, name: string): DeployedService {
  const service = registry.get(name);
  if (service !== undefined) return service;
  const broken = registry.findBroken(name);
  if (broken === undefined) throw new CommandError("service not found");
  throw new CommandError(`service could not be restored from the saved state: ${broken.reason}`);
}

/** Requests wait from now on; returns when those under way have ended. */
export async function pauseService(
  command: PauseCommand,
  context: ServiceCommandContext,
  report?: Report,
): Promise<Warnings> {
  const pause: Pause = {
    state: "paused",
    stopMessage: "",
    failAfterMs: Math.max(0, command.maxPauseMs),
  };
  const service = await setPause(command.service, () => pause, context);
  context.logger.info("Service paused", { service: service.name });
  await drain(service, command.drainTimeoutMs, context, report);
  return await saveState(context);
}

export async function stopService(
  command: StopCommand,
  context: ServiceCommandContext,
  report?: Report,
): Promise<Warnings> {
  const service = await setPause(
    command.service,
    (was) => ({ ...was, state: "stopped", stopMessage: command.message }),
    context,
  );
  context.logger.info("Service stopped", { service: service.name });
  await drain(service, command.drainTimeoutMs, context, report);
  return await saveState(context);
}

export async function resumeService(
  name: string,
  context: ServiceCommandContext,
): Promise<Warnings> {
  await setPause(name, (was) => ({ ...was, state: "running", stopMessage: "" }), context);
  context.logger.info("Service resumed", { service: name });
  return await saveState(context);
}

/** Requests under way go on. */
export async function removeService(
  name: string,
  context: ServiceCommandContext,
): Promise<Warnings> {
  const { registry } = context;
  if (registry.findBroken(name) === undefined) {
    for (const group of groupsOf(requireService(registry, name))) group.stop();
  }
  registry.remove(name);
  return await saveState(context);
}

export async function setRolloutSplit(
  { service: name, percentage, allowlist }: RolloutSetCommand,
  context: ServiceCommandContext,
): Promise<Warnings> {
  const { registry, logger } = context;
  const service = requireService(registry, name);
  failOn(validatePercentage(percentage));
  if (service.rollout === null) throw new CommandError("rollout target not set");
  const split = rolloutSplit(percentage, allowlist);
  await serve({ ...service, rolloutSplit: split, rolloutPlan: null }, context);
  // None is null there.
  const allowed = allowlist.length === 0 ? null : allowlist;
  logger.info("Set rollout split", { service: name, percentage, allowlist: allowed });
  return await saveState(context);
}

/** The rollout's targets stay, without requests. */
export async function stopRollout(name: string, context: ServiceCommandContext): Promise<Warnings> {
  const { registry, logger } = context;
  const service = requireService(registry, name);
  await serve({ ...service, rolloutSplit: null, rolloutPlan: null }, context);
  logger.info("Stopped rollout", { service: name });
  return await saveState(context);
}

async function setPause(
  name: string,
  change: (was: Pause) => Pause,
  context: ServiceCommandContext,
): Promise<DeployedService> {
  const service = requireService(context.registry, name);
  const changed = { ...service, pause: change(service.pause) };
  await serve(changed, context);
  return changed;
}

/** What workers logged before they served the change has arrived by then: the log tells of it in its place. */
async function serve(
  service: DeployedService,
  { registry }: Pick<ServiceCommandContext, "registry">,
): Promise<void> {
  registry.set(service);
  await registry.published;
}

async function drain(
  service: DeployedService,
  timeoutMs: number,
  context: ServiceCommandContext,
  report: Report | undefined,
): Promise<void> {
  const ids = groupsOf(service).flatMap((group) => group.ids);
  await waitForDrain(ids, timeoutMs, context, report);
  context.logger.info("Service drained", { service: service.name });
}

/** Resolves when the change is on disk and served; a warning says what the disk did not take. */
export async function saveState({ registry, store }: ServiceCommandContext): Promise<Warnings> {
  const [fault] = await Promise.all([
    store.save(() => registry.stateEntries()),
    registry.published,
  ]);
  return fault === null ? [] : [`the state could not be saved, a restart undoes this: ${fault}`];
}
