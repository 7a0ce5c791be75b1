/** Whether a service can be served as configured: certificate, error pages and the files that its settings name. */
import { CommandError } from "../config/command-error.ts";
import { servesRoot } from "../config/inherited-tls.ts";
import type { ServiceOptions } from "../config/options.ts";
import { messageOf } from "../lib/error-text.ts";
import type { FileContents } from "../config/named-files.ts";
import type { Logger } from "../lib/logger.ts";
import { readNamedFiles } from "./named-file-watch.ts";

/** What reaches into files; both throw when something is wrong with them. */
export interface ServiceFiles {
  /** Source of each page by file name without `.html`. */
  loadErrorPages: (path: string) => Record<string, string> | Promise<Record<string, string>>;
  /** Certificate and key of the options; called only when they are set. */
  checkCertificate: (options: ServiceOptions) => void | Promise<void>;
  /** Whether a wildcard can have an automatic certificate. */
  canOrderWildcard: (host: string) => boolean;
}

/** What the files of a service say. */
export interface LoadedFiles {
  errorPages: Record<string, string> | null;
  fileContents: FileContents;
}

/** Throws a CommandError with the reason when one of them can't be used. */
export async function checkService(
  name: string,
  options: ServiceOptions,
  files: ServiceFiles,
  logger: Logger,
): Promise<LoadedFiles> {
  // Below a path TLS is that of the root's service, with its certificate.
  const ownTls = options.tlsEnabled && servesRoot(options);
  if (ownTls) await checkTls(name, options, files, logger);
  const errorPages = await checkErrorPages(name, options.errorPagePath, files, logger);
  try {
    return { errorPages, fileContents: await readNamedFiles(options) };
  } catch (error) {
    const reason = messageOf(error);
    logger.error("Unable to read a file of settings", { service: name, error: reason });
    throw new CommandError(`unable to read a file of settings: ${reason}`);
  }
}

async function checkErrorPages(
  name: string,
  path: string,
  files: ServiceFiles,
  logger: Logger,
): Promise<Record<string, string> | null> {
  if (path === "") return null;
  try {
    return await files.loadErrorPages(path);
  } catch (error) {
    const fields = { service: name, path, error: messageOf(error) };
    logger.error("Unable to parse custom error pages", fields);
    throw new CommandError(`unable to load error pages: ${messageOf(error)}`);
  }
}

async function checkTls(
  name: string,
  options: ServiceOptions,
  files: ServiceFiles,
  logger: Logger,
): Promise<void> {
  const path = options.tlsCertificatePath;
  if (path !== "" && options.tlsPrivateKeyPath !== "") {
    try {
      await files.checkCertificate(options);
    } catch (error) {
      logger.error("Error loading TLS certificate", {
        service: name,
        path,
        error: messageOf(error),
      });
      throw new CommandError(`unable to load certificate: ${messageOf(error)}`);
    }
  } else if (options.hosts.some((host) => host.includes("*") && !files.canOrderWildcard(host))) {
    throw new CommandError("automatic TLS does not support wildcards");
  }
}
