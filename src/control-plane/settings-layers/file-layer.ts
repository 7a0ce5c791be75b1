/** What files of settings say of one service, each value checked. */
import { CommandError } from "../../config/command-error.ts";
import type { KindValue } from "../../config/kinds.ts";
import { readSettingJson } from "../../config/setting-json.ts";
import { flaggedSettings, type NamedValues } from "../../config/setting-layers.ts";
import { goQuote } from "../../go/quote.ts";
import { isPattern, isTableOf, type SettingsFile } from "./settings-file.ts";

/** Throws a CommandError that names the file, the line and the key at fault. */
export function fileLayer(files: readonly SettingsFile[], service: string): NamedValues {
  const [file, another] = files.filter(({ tables }) =>
    tables.some(({ name }) => isTableOf(name, service)),
  );
  if (file === undefined) return {};
  if (another !== undefined) {
    throw new CommandError(
      `two files have settings of ${goQuote(service)}: ${file.path} and ${another.path}`,
    );
  }
  const own = file.tables.filter(({ name }) => isTableOf(name, service));
  // What is said of the service by name counts more than what is said of several.
  const ordered = [
    ...own.filter(({ name }) => isPattern(name)),
    ...own.filter(({ name }) => !isPattern(name)),
  ];
  const layer = new Map<string, KindValue>();
  for (const { name, values } of ordered) {
    for (const [key, json] of Object.entries(values)) {
      const fault = (reason: string) =>
        new CommandError(`${file.place(name, key)}: ${goQuote(key)} ${reason}`);
      const row = flaggedSettings.get(key);
      if (row === undefined) throw fault("is no setting of a service");
      const read = readSettingJson(row, json);
      if ("error" in read) throw fault(read.error);
      layer.set(key, read.value);
    }
  }
  return Object.fromEntries(layer);
}

/** Tables that no service has, each with its place: a name that was misspelt protects nothing. */
export function strayTables(files: readonly SettingsFile[], services: readonly string[]): string[] {
  return files.flatMap((file) =>
    file.tables
      .filter(({ name }) => !services.some((service) => isTableOf(name, service)))
      .map(({ name }) => `${file.place(name, null)}: there is no service ${goQuote(name)}`),
  );
}

/** What is wrong with the tables of these services, which stay as they are. */
export function faultyTables(
  files: readonly SettingsFile[],
  services: readonly string[],
): string[] {
  const faults = services.flatMap((service) => {
    try {
      fileLayer(files, service);
      return [];
    } catch (error) {
      if (error instanceof CommandError) return [error.message];
      throw error;
    }
  });
  // A table may be that of several.
  return [...new Set(faults)];
}
