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
 * services and keys.
 */
export function ownDataFolder(context: CliContext): string {
  const folder = ensureDataFolder(context);
  const shared = [temporaryFolder(context.environment), "/tmp", "/var/tmp"];
  if (!shared.some((each) => `${folder}/`.startsWith(`${each}/`))) return folder;
  const places = shared.includes(folder)
    ? [statePath(folder), certificateFolder(folder)]
    : [folder];
  const foreign = places.find((path) => context.belongsToOthers(path));
  if (foreign === undefined) return folder;
  throw new CommandError(
    `${foreign} belongs to another user: set HOME to a folder of the proxy's own`,
  );
}
