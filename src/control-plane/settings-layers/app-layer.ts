/** What an app says of itself, each value checked: it speaks for nobody else, and names no files of the proxy. */
import { CommandError } from "../../config/command-error.ts";
import { namedFiles } from "../../config/named-files.ts";
import { readSettingJson } from "../../config/setting-json.ts";
import {
  flaggedSettings,
  layeredOptions,
  type NamedValues,
  noLayers,
} from "../../config/setting-layers.ts";
import { fallbacksOf } from "../../config/setting.ts";
import { serviceSettings } from "../../config/settings.ts";
import { goQuote } from "../../go/quote.ts";

/** What is no JSON object says nothing. `where`: the target and the path, for errors. */
export function appLayer(where: string, text: string): NamedValues {
  const json = objectOf(text);
  if (json === null) return {};
  const entries = Object.entries(json).filter(([key]) => key !== "$schema");
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const fault = (reason: string) => new CommandError(`${where}: ${goQuote(key)} ${reason}`);
      const row = flaggedSettings.get(key);
      if (row === undefined) throw fault("is no setting of a service");
      if (row.operatorOnly === true || row.file === true) throw fault("can't be set by an app");
      const read = readSettingJson(row, value);
      if ("error" in read) throw fault(read.error);
      const alone = { ...noLayers, app: { [key]: read.value } };
      const { options } = layeredOptions(alone, fallbacksOf(serviceSettings));
      if (namedFiles(options).length > 0) throw fault("can't name a file when an app sets it");
      return [key, read.value] as const;
    }),
  );
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return isObject ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
