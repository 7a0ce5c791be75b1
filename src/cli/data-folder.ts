/** The folder of saved data, made when it is missing. */
import { CommandError } from "../config/command-error.ts";
import { certificateFolder, dataFolder, statePath, temporaryFolder } from "../config/paths.ts";
import type { CliContext } from "./context.ts";

/** The temporary folder stands in where the proper one cannot be made. */
export function ensureDataFolder({ environment, makeFolder }: CliContext): string {
  const folder = dataFolder(environment);
  return makeFolder(folder) ? folder : temporaryFolder(environment);
}

/**
 * The same, for the proxy itself. Where everybody may put files, whoever was there first could hand it
 * services and keys: also who has a folder above, and may put another one in its place.
 */
export function ownDataFolder(context: CliContext): string {
  const folder = ensureDataFolder(context);
  const temporary = temporaryFolder(context.environment).replace(/\/+$/, "");
  const shared = ["/tmp", "/var/tmp", temporary].find((each) =>
    `${folder}/`.startsWith(`${each}/`),
  );
  if (shared === undefined) return folder;
  const places =
    folder === temporary
      ? [statePath(folder), certificateFolder(folder)]
      : foldersBelow(shared, folder);
  const foreign = places.find((path) => context.belongsToOthers(path));
  if (foreign === undefined) return folder;
  throw new CommandError(
    `${foreign} belongs to another user: set HOME to a folder of the proxy's own`,
  );
}

/** All on the way from one folder to another, without the first. */
function foldersBelow(upper: string, folder: string): string[] {
  const names = folder.slice(upper.length + 1).split("/");
  return names.map((_, index) => `${upper}/${names.slice(0, index + 1).join("/")}`);
}
