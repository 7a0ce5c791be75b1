/**
 * The life of a deploy: check all that can be known, wait for the new targets, publish, save, drain
 * the old ones. Deploys do not wait for each other; of two of one service the last to become healthy
 * stays. One that fails leaves nothing behind.
 */
import { CommandError, failOn } from "../config/command-error.ts";
import { asciiHosts } from "../config/ascii-hosts.ts";
import { servesRoot } from "../config/inherited-tls.ts";
import type { ServiceOptions } from "../config/options.ts";
import {
  areAlike,
  deployLayers,
  type NamedValues,
  noLayers,
  type SettingLayers,
} from "../config/setting-layers.ts";
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
import { withAffinityKey } from "./affinity-key.ts";
import { running } from "./deployed-service.ts";
import { type PlannedService, planService, refuseConflict } from "./planned-service.ts";
import { checkService } from "./service-check.ts";
import { requireService, saveState } from "./service-commands.ts";
import type { ServiceSettingsContext } from "./service-settings.ts";
import type { AskApp } from "./settings-layers/ask-app.ts";
import { inSettingsFile, withHashedPasswords } from "./plain-passwords.ts";
import { fileLayer } from "./settings-layers/file-layer.ts";
import { type GroupContext, TargetGroup } from "./health/target-group.ts";
import type { Handover } from "./upgrade/handover.ts";

export interface DeploymentContext extends ServiceSettingsContext {
  groups: GroupContext;
  /** Aborts when the proxy shuts down; its reason reaches the clients that wait. */
  shutdown: AbortSignal;
  /** The settings that the app of healthy targets asks for. Throws a CommandError when it may not. */
  askApp: AskApp;
  /** What may keep the missing certificates of a published service from being issued. Ends in time. */
  certificateOutlook(service: string): Promise<string[]>;
  /** What the executable before has left; null: nothing. */
  handover: Handover | null;
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
  const asked = {
    options: normalizeServiceOptions(given),
    targetOptions: normalizeTargetOptions(command.targetOptions),
  };
  const before = registry.get(name)?.layers ?? noLayers;
  const inFile = fileLayer(await context.readSettingsFiles(), name);
  const file = await withHashedPasswords(inFile, before.file, inSettingsFile);
  const said: SettingLayers = { ...deployLayers(asked, command.given), file: file.values };
  const plain = [...file.warnings];
  const plan = (app: NamedValues): PlannedService => {
    const set = registry.get(name)?.layers.set ?? {};
    return planService({ ...said, set, app }, asked.options);
  };
  let planned = plan({});
  const fields = {
    service: name,
    targets: command.targets,
    hosts: planned.options.hosts,
    paths: planned.options.pathPrefixes,
    tls: planned.options.tlsEnabled,
  };
  logger.info("Deploying", fields);
  failOn(validateTargets(command.targets));
  const writers = command.targets.map(readTarget);
  const readers = command.readTargets.map(readTarget);
  refuseConflict(name, planned.options, context);
  let loaded = await checkService(name, planned.options, files, logger);

  const group = new TargetGroup(writers, readers, planned.targetOptions, context.groups);
  let replaced: TargetGroup | undefined;
  await withChecks(group, async () => {
    if (!command.force) {
      await waitForHealth(group, command.deployTimeoutMs, shutdown, clock, report);
    }
    // What the app says counts from here on, and what was set by hand meanwhile.
    const asks = command.force ? {} : await context.askApp(group, shutdown);
    const { values: app, warnings } = await withHashedPasswords(
      asks,
      before.app,
      "in what the app says",
    );
    plain.push(...warnings);
    for (let again = plan(app); !areAlike(planned, again); again = plan(app)) {
      planned = again;
      loaded = await checkService(name, planned.options, files, logger);
    }
    // From here to the publication nothing waits, so no other command comes between.
    const { options, layers } = planned;
    refuseConflict(name, options, context);
    group.configure(planned.targetOptions);
    const previous = registry.get(name);
    replaced = previous?.active;
    registry.set({
      name,
      options: withAffinityKey(options, previous?.options),
      layers,
      active: group,
      rollout: previous?.rollout ?? null,
      pause: previous?.pause ?? running,
      rolloutSplit: previous?.rolloutSplit ?? null,
      // The targets that it was compared with are others now.
      rolloutPlan: null,
      ...loaded,
      degraded: null,
    });
  });
  // Its name leads here only where it is served.
  const outlook = registry.published.then(() => context.certificateOutlook(name));
  const warnings = await settle(replaced, command.drainTimeoutMs, context, report);
  logger.info("Deployed", fields);
  return [...plain, ...certificateWarnings(planned.options), ...(await outlook), ...warnings];
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

  const group = new TargetGroup(
    writers,
    readers,
    { ...targetOptions, targetWeights: [] },
    context.groups,
  );
  let replaced: TargetGroup | undefined;
  await withChecks(group, async () => {
    await waitForHealth(group, command.deployTimeoutMs, shutdown, clock, report);
    const current = requireService(registry, name);
    replaced = current.rollout ?? undefined;
    registry.set({ ...current, rollout: group, rolloutPlan: null });
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

function readTarget(address: string): TargetAddress {
  const target = parseTarget(address);
  if (target === undefined) throw new CommandError(invalidTargetText(address));
  return target;
}
