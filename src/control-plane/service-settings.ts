/** Changes of settings without a deploy: by hand, and by the files of settings. */
import { CommandError } from "../config/command-error.ts";
import { readSettingJson, shownJson } from "../config/setting-json.ts";
import {
  areAlike,
  flaggedSettings,
  namedValues,
  type NamedValues,
  type SettingLayers,
  sourcesOf,
} from "../config/setting-layers.ts";
import { withAffinityKey } from "./affinity-key.ts";
import { type DeployedService, groupsOf } from "./deployed-service.ts";
import { inSettingsFile, withHashedPasswords } from "./plain-passwords.ts";
import { planService, type PlannedService, refuseConflict } from "./planned-service.ts";
import { checkService, type LoadedFiles, type ServiceFiles } from "./service-check.ts";
import { requireService, saveState, type ServiceCommandContext } from "./service-commands.ts";
import { faultyTables, fileLayer, strayTables } from "./settings-layers/file-layer.ts";
import type { SettingsFile } from "./settings-layers/settings-file.ts";
import type { ReloadReply } from "./socket/dispatcher.ts";
import type {
  ReloadCommand,
  SetCommand,
  SettingChange,
  UnsetCommand,
  Warnings,
} from "./socket/protocol.ts";

export interface ServiceSettingsContext extends ServiceCommandContext {
  files: ServiceFiles;
  readSettingsFiles: () => Promise<readonly SettingsFile[]>;
}

interface PlannedChange {
  service: DeployedService;
  plan: PlannedService;
  loaded: LoadedFiles;
  changes: SettingChange[];
}

export async function setSettings(
  { service, values }: SetCommand,
  context: ServiceSettingsContext,
): Promise<Warnings> {
  const { values: read, warnings } = await withHashedPasswords(
    readValues(values),
    {},
    "in the list of processes",
  );
  await changeLayers(service, ({ set }) => ({ set: { ...set, ...read } }), context);
  return [...warnings, ...(await saveState(context))];
}

export async function unsetSettings(
  { service, flags }: UnsetCommand,
  context: ServiceSettingsContext,
): Promise<Warnings> {
  const without = (set: NamedValues): NamedValues =>
    Object.fromEntries(Object.entries(set).filter(([flag]) => !(flags ?? [flag]).includes(flag)));
  const { set } = requireService(context.registry, service).layers;
  const missing = (flags ?? []).find((flag) => !Object.hasOwn(set, flag));
  if (missing !== undefined) throw new CommandError(`--${missing} was not set by hand`);
  await changeLayers(service, (layers) => ({ set: without(layers.set) }), context);
  return await saveState(context);
}

/** Nothing changes before all of it has been checked. */
export async function reloadSettings(
  { service: name, dryRun }: ReloadCommand,
  context: ServiceSettingsContext,
): Promise<ReloadReply> {
  const { registry } = context;
  const files = await context.readSettingsFiles();
  const services = name === null ? registry.all() : [requireService(registry, name)];
  const names = registry.all().map((service) => service.name);
  const warnings =
    name === null
      ? strayTables(files, names)
      : faultyTables(
          files,
          names.filter((other) => other !== name),
        );
  const planned: PlannedChange[] = [];
  for (const service of services) {
    const said = fileLayer(files, service.name);
    const hashed = await withHashedPasswords(said, service.layers.file, inSettingsFile);
    warnings.push(...hashed.warnings);
    planned.push(await planChange(service, { ...service.layers, file: hashed.values }, context));
  }
  const changes = planned.flatMap((change) => change.changes);
  if (dryRun) return { changes, warnings };
  for (const change of planned) {
    const { layers } = change.service;
    if (areAlike(layers.file, change.plan.layers.file)) continue;
    if (!applyChange(change, context)) {
      const { file } = change.plan.layers;
      await changeLayers(change.service.name, () => ({ file }), context);
    }
  }
  return { changes, warnings: [...warnings, ...(await saveState(context))] };
}

/** Again, when another command has changed the service meanwhile. */
async function changeLayers(
  name: string,
  change: (layers: SettingLayers) => Partial<SettingLayers>,
  context: ServiceSettingsContext,
): Promise<void> {
  for (;;) {
    const service = requireService(context.registry, name);
    const layers = { ...service.layers, ...change(service.layers) };
    if (applyChange(await planChange(service, layers, context), context)) return;
  }
}

async function planChange(
  service: DeployedService,
  layers: SettingLayers,
  context: ServiceSettingsContext,
): Promise<PlannedChange> {
  const { name, options, active } = service;
  const plan = planService(layers, options);
  refuseConflict(name, plan.options, context);
  const loaded = await checkService(name, plan.options, context.files, context.logger);
  const sources = sourcesOf(layers);
  const before = namedValues({ options, targetOptions: active.targetOptions });
  const changes = Object.entries(namedValues(plan)).flatMap(([flag, value]): SettingChange[] => {
    const was = before[flag]!;
    if (areAlike(was, value)) return [];
    const row = flaggedSettings.get(flag)!;
    const [from, to] = [shownJson(row, was), shownJson(row, value)];
    return [{ service: name, flag, from, to, source: sources[flag]! }];
  });
  return { service, plan, loaded, changes };
}

/** False when the service is no longer the one that was planned for. */
function applyChange(
  { service, plan, loaded, changes }: PlannedChange,
  context: ServiceSettingsContext,
): boolean {
  const { registry, logger } = context;
  const { name } = service;
  const current = registry.get(name);
  if (current?.layers !== service.layers || current.active !== service.active) return false;
  refuseConflict(name, plan.options, context);
  const { options, layers, targetOptions } = plan;
  for (const group of groupsOf(current)) group.configure(targetOptions);
  registry.set({
    ...current,
    options: withAffinityKey(options, current.options),
    layers,
    ...loaded,
    degraded: null,
  });
  logger.info("Settings changed", { service: name, settings: changes.map(({ flag }) => flag) });
  return true;
}

function readValues(values: SetCommand["values"]): NamedValues {
  const entries = Object.entries(values).map(([flag, json]) => {
    const row = flaggedSettings.get(flag);
    if (row === undefined) throw new CommandError(`--${flag} is no setting of a service`);
    const read = readSettingJson(row, json);
    if ("error" in read) throw new CommandError(`invalid value for --${flag}: ${read.error}`);
    return [flag, read.value] as const;
  });
  return Object.fromEntries(entries);
}
