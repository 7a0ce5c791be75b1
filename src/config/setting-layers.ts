/**
 * Where the settings of a service come from, and which of them count: set by hand, given as a flag of the
 * deploy, written in a file, said by the app itself, or by default.
 */
import type { KindValue } from "./kinds.ts";
import type { ServiceOptions, TargetOptions } from "./options.ts";
import { mapTable, normalizedValue, type Setting, type SettingTable } from "./setting.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "./settings.ts";
import { normalizeServiceOptions, normalizeTargetOptions } from "./validate-options.ts";

/** The first that has a value counts. */
export const settingSources = ["set", "flag", "file", "app", "default"] as const;
export type SettingSource = (typeof settingSources)[number];

/** Values by the name of their flag. */
export type NamedValues = Readonly<Record<string, Readonly<KindValue>>>;
export type SettingLayers = Readonly<Record<SettingSource, NamedValues>>;

export const noLayers: SettingLayers = { set: {}, flag: {}, file: {}, app: {}, default: {} };

export interface AllOptions {
  options: ServiceOptions;
  targetOptions: TargetOptions;
}

/** Every setting that a flag of `deploy` sets, by the name of that flag. */
export const flaggedSettings: ReadonlyMap<string, Setting> = new Map(
  [serviceSettings, healthCheckSettings, targetSettings].flatMap((table: SettingTable) =>
    Object.values(table).flatMap((row) => (row.flag === null ? [] : [[row.flag, row] as const])),
  ),
);

/** Its default is not one value: headers are trusted unless the service has TLS. */
const forwardHeadersFlag = targetSettings.forwardHeaders.flag;
/** Nobody but the command knows its default: the folder of its environment. */
const cachePathFlag = serviceSettings.acmeCachePath.flag;

/** `given`: the flags of the deploy. Undefined when nobody knows them: then what is no default was given. */
export function deployLayers(all: AllOptions, given: readonly string[] | undefined): SettingLayers {
  const values = namedValues(all);
  const isGiven = (flag: string, value: Readonly<KindValue>): boolean =>
    given?.includes(flag) ?? (flag !== cachePathFlag && !isDefault(flag, value, all.options));
  const entries = Object.entries(values);
  return {
    set: {},
    flag: Object.fromEntries(entries.filter((entry) => isGiven(...entry))),
    file: {},
    app: {},
    default: Object.fromEntries(
      entries.filter(
        ([flag, value]) => !isGiven(flag, value) && !isDefault(flag, value, all.options),
      ),
    ),
  };
}

/** The options that come of the layers; `rest` has what no flag sets. */
export function layeredOptions(layers: SettingLayers, rest: ServiceOptions): AllOptions {
  const valueOf = (row: Setting, other: unknown): unknown =>
    row.flag === null ? other : (layeredValue(layers, row.flag) ?? row.fallback);
  const options = mapTable(serviceSettings, (row, name) => valueOf(row, rest[name]));
  const targets = mapTable(targetSettings, (row) => valueOf(row, row.fallback));
  const normal = normalizeServiceOptions(options);
  const targetOptions = normalizeTargetOptions({
    ...targets,
    healthCheck: mapTable(healthCheckSettings, (row) => valueOf(row, null)),
  });
  const forwards = layeredValue(layers, forwardHeadersFlag) as boolean | undefined;
  return {
    options: normal,
    targetOptions: { ...targetOptions, forwardHeaders: forwards ?? !normal.tlsEnabled },
  };
}

/** Where the value of each setting is from. */
export function sourcesOf(layers: SettingLayers): Record<string, SettingSource> {
  const sources: Record<string, SettingSource> = {};
  for (const flag of flaggedSettings.keys()) {
    sources[flag] =
      settingSources.find((source) => Object.hasOwn(layers[source], flag)) ?? "default";
  }
  return sources;
}

/** The values of all flags. */
export function namedValues({ options, targetOptions }: AllOptions): NamedValues {
  const values: Record<string, Readonly<KindValue>> = {};
  const add = (table: SettingTable, from: object): void => {
    for (const [name, { flag }] of Object.entries(table)) {
      if (flag !== null) values[flag] = (from as Record<string, KindValue>)[name]!;
    }
  };
  add(serviceSettings, options);
  add(healthCheckSettings, targetOptions.healthCheck);
  add(targetSettings, targetOptions);
  return values;
}

/** What keeps clients away from a service, as long as it is this proxy that serves it. */
export function protectingFlags(all: AllOptions): string[] {
  return Object.entries(namedValues(all)).flatMap(([flag, value]) => {
    const { protects, own } = flaggedSettings.get(flag)!;
    const counts = protects === true && own === true && !isDefault(flag, value, all.options);
    return counts ? [flag] : [];
  });
}

/** Of values, or of what is made of them. */
export function areAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  // A state of thousands of services has a hundred thousands of numbers, texts and empty lists.
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

function layeredValue(layers: SettingLayers, flag: string): Readonly<KindValue> | undefined {
  for (const source of settingSources) {
    const value = layers[source][flag];
    if (value !== undefined) return value;
  }
  return undefined;
}

function isDefault(flag: string, value: Readonly<KindValue>, options: ServiceOptions): boolean {
  if (flag === forwardHeadersFlag) return value === !options.tlsEnabled;
  const row = flaggedSettings.get(flag)!;
  return areAlike(value, normalizedValue(row, row.fallback));
}
