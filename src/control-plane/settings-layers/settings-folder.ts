/** The folder of settings files on disk: one folder below it for each app, as Kamal mounts them. */
import { readdir } from "node:fs/promises";
import { CommandError } from "../../config/command-error.ts";
import { maxSettingsFileBytes, maxSettingsFolders } from "../../config/limits.ts";
import { codeOf, messageOf } from "../../lib/error-text.ts";
import { readRegularFile } from "../../lib/regular-file.ts";
import { SettingsFile, settingsFileNames } from "./settings-file.ts";

/** Throws a CommandError when one of them can't be read: it may be any service's. */
export async function readSettingsFolder(folder: string): Promise<SettingsFile[]> {
  const names = await entriesOf(folder);
  if (names.length > maxSettingsFolders) {
    throw new CommandError(`${folder}: more than ${maxSettingsFolders} entries`);
  }
  const files: SettingsFile[] = [];
  for (const name of names.toSorted()) {
    for (const fileName of settingsFileNames) {
      const path = `${folder}/${name}/${fileName}`;
      const text = await readIfThere(path);
      if (text !== null) files.push(SettingsFile.parse(path, text));
    }
  }
  return files;
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw unreadable(error);
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return (await readRegularFile(path, maxSettingsFileBytes)).toString();
  } catch (error) {
    if (isAbsent(error)) return null;
    throw unreadable(error);
  }
}

/** A file beside the apps' folders is none of them. */
function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "");
}

function unreadable(error: unknown): CommandError {
  return new CommandError(`unable to read settings: ${messageOf(error)}`);
}
