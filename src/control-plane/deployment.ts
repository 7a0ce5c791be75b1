/**
 * The life of a deploy: check all that can be known, wait for the new targets, publish, save, drain
 * the old ones. Deploys do not wait for each other; of two of one service the last to become healthy
 * stays. One that fails leaves nothing behind.
 */
import { CommandError, failOn } from "../config/command-error.ts";
import { asciiHosts } from "../config/ascii-hosts.ts";
import { servesRoot } from "../config/inherited-tls.ts";
import type { ServiceOptions } from "../config/options.ts";
import { invalidTargetText, parseTarget, type TargetAddress } from "../config/target-address.ts";
import {
  normalizeServiceOptions,
  normalizeTargetOptions,
  validateServiceName,
  validateServiceOptions,
  validateTargetOptions,
  validateTargets,
} from "../config/validate-options.ts";
import { goQuote } from "../go/quote.ts";
import { asciiName } from "../lib/international-name.ts";
import { type Report, waitForDrain, waitForHealth } from "./socket/progress.ts";
import type { DeployCommand, RolloutDeployCommand, Warnings } from "./socket/protocol.ts";
import { hasCertificateFiles, isOrderable } from "./certificates/tls-services.ts";
import { running } from "./deployed-service.ts";
import { checkService, type ServiceFiles } from "./service-check.ts";
import { requireService, saveState, type ServiceCommandContext } from "./service-commands.ts";
import { type GroupContext, TargetGroup } from "./health/target-group.ts";

export interface DeploymentContext extends ServiceCommandContext {
  files: ServiceFiles;
  groups: GroupContext;
  /** Aborts when the proxy shuts down; its reason reaches the clients that wait. */
  shutdown: AbortSignal;
}

export async function deployService(
  command: DeployCommand,
  context: DeploymentContext,
  report?: Report,
): Promise<Warnings> {
  const { registry, logger, files, clock, shutdown } = context;
  const name = command.service;
  failOn(validateServiceName(name));
  const given = asciiHosts(command.options, asciiName);
  failOn(validateServiceOptions(given));
  failOn(validateTargetOptions(command.targetOptions));
  const options = normalizeServiceOptions(given);
  const targetOptions = normalizeTargetOptions(command.targetOptions);
  const fields = {
    service: name,
    targets: command.targets,
    hosts: options.hosts,
    paths: options.pathPrefixes,
    tls: options.tlsEnabled,
  };
  logger.info("Deploying", fields);
  failOn(validateTargets(command.targets));
  const writers = command.targets.map(readTarget);
  const readers = command.readTargets.map(readTarget);
  refuseConflict(name, options, context);
  const loaded = await checkService(name, options, files, logger);

  const group = new TargetGroup(writers, readers, targetOptions, context.groups);
  let replaced: TargetGroup | undefined;
  await withChecks(group, async () => {
    if (!command.force) {
      await waitForHealth(group, command.deployTimeoutMs, shutdown, clock, report);
    }
    // From here to the publication nothing waits, so no other command comes between.
    refuseConflict(name, options, context);
    const previous = registry.get(name);
    replaced = previous?.active;
    registry.set({
      name,
      options,
      active: group,
      rollout: previous?.rollout ?? null,
      pause: previous?.pause ?? running,
      rolloutSplit: previous?.rolloutSplit ?? null,
      ...loaded,
      degraded: null,
    });
  });
  const warnings = await settle(replaced, command.drainTimeoutMs, context, report);
  logger.info("Deployed", fields);
  return [...certificateWarnings(options), ...warnings];
}

export async function deployRollout(
  command: RolloutDeployCommand,
  context: DeploymentContext,
  report?: Report,
): Promise<Warnings> {
  const { registry, logger, clock, shutdown } = context;
  const name = command.service;
  const { targetOptions } = requireService(registry, name).active;
  const fields = { service: name, targets: command.targets };
  logger.info("Deploying for rollout", fields);
  failOn(validateTargets(command.targets));
  const writers = command.targets.map(readTarget);
  const readers = command.readTargets.map(readTarget);

  const group = new TargetGroup(writers, readers, targetOptions, context.groups);
  let replaced: TargetGroup | undefined;
  await withChecks(group, async () => {
    await waitForHealth(group, command.deployTimeoutMs, shutdown, clock, report);
    const current = requireService(registry, name);
    replaced = current.rollout ?? undefined;
    registry.set({ ...current, rollout: group });
  });
  const warnings = await settle(replaced, command.drainTimeoutMs, context, report);
  logger.info("Deployed for rollout", fields);
  return warnings;
}

/** The checks go on when `install` succeeds, and end when it does not. */
async function withChecks(group: TargetGroup, install: () => Promise<void>): Promise<void> {
  group.start();
  try {
    await install();
  } catch (error) {
    group.stop();
    throw error;
  }
}

async function settle(
  replaced: TargetGroup | undefined,
  drainTimeoutMs: number,
  context: DeploymentContext,
  report: Report | undefined,
): Promise<Warnings> {
  replaced?.stop();
  const warnings = await saveState(context);
  if (replaced !== undefined) {
    await waitForDrain(replaced.ids, drainTimeoutMs, context, report);
  }
  return warnings;
}

/** The service is served all the same: another proxy in front of this one may have the certificate. */
function certificateWarnings(options: ServiceOptions): Warnings {
  if (!options.tlsEnabled || !servesRoot(options) || hasCertificateFiles(options)) return [];
  if (options.tlsOnDemandUrl !== "") return [];
  return (
    options.hosts
      // A wildcard that nobody can prove was refused before.
      .filter((host) => !isOrderable(host.replace(/^\*\./, "")))
      .map((host) => `${goQuote(host)} can't have an automatic certificate, and will have none`)
  );
}

function refuseConflict(
  name: string,
  options: ServiceOptions,
  { registry, logger }: DeploymentContext,
): void {
  const conflict = registry.findConflict(name, options);
  if (conflict === undefined) return;
  const { service, host, path } = conflict;
  logger.error("Host settings conflict with another service", { service, host, path });
  const where = `${host === "" ? "any host" : host} at ${path}`;
  throw new CommandError(
    `host settings conflict with another service: ${goQuote(service)} has ${where}`,
  );
}

function readTarget(address: string): TargetAddress {
  const target = parseTarget(address);
  if (target === undefined) throw new CommandError(invalidTargetText(address));
  return target;
}
