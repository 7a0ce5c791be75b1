/** Where the settings of a service come from, in the state file. What can't be read is as if nobody had said it. */
import { settingJson, settingValue } from "../../config/setting-json.ts";
import {
  flaggedSettings,
  type NamedValues,
  type SettingLayers,
  type SettingSource,
  settingSources,
} from "../../config/setting-layers.ts";

/** Undefined when all of it is from deploys: then the options alone tell it, and the file is kamal-proxy's. */
export function encodeLayers(layers: SettingLayers): Record<string, unknown> | undefined {
  const others: readonly SettingSource[] = ["set", "file", "app"];
  if (others.every((source) => Object.keys(layers[source]).length === 0)) return undefined;
  return Object.fromEntries(
    settingSources.map((source) => [source, namedValuesJson(layers[source])]),
  );
}

export function decodeLayers(json: Readonly<Record<string, unknown>>): SettingLayers {
  const layers = settingSources.map((source) => [source, decodeValues(json[source])] as const);
  return Object.fromEntries(layers) as SettingLayers;
}

/** `toJson`: how each value is written. */
export function namedValuesJson(
  values: NamedValues,
  toJson: typeof settingJson = settingJson,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([flag, value]) => {
      const row = flaggedSettings.get(flag);
      return row === undefined ? [] : [[flag, toJson(row, value)] as const];
    }),
  );
}

function decodeValues(json: unknown): NamedValues {
  if (typeof json !== "object" || json === null) return {};
  return Object.fromEntries(
    Object.entries(json).flatMap(([flag, value]) => {
      const row = flaggedSettings.get(flag);
      const read = row === undefined ? undefined : settingValue(row, value);
      return read === undefined ? [] : [[flag, read] as const];
    }),
  );
}
