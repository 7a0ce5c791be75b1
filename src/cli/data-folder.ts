/** The folder of saved data, made when it is missing. */
import { dataFolder, temporaryFolder } from "../config/paths.ts";
import type { CliContext } from "./context.ts";

/** The temporary folder stands in where the proper one cannot be made. */
export function ensureDataFolder({ environment, makeFolder }: CliContext): string {
  const folder = dataFolder(environment);
  return makeFolder(folder) ? folder : temporaryFolder(environment);
}
