/** The store that several proxies share, as the environment of `run` names it. */
import { RedisClient } from "bun";
import { CommandError } from "../../../config/command-error.ts";
import type { SharedStoreSettings } from "../../../config/shared-store-settings.ts";
import { maxCertificateFileBytes } from "../../../config/limits.ts";
import { readRegularFileSync } from "../../../lib/regular-file.ts";
import type { Clock } from "../../../lib/clock.ts";
import { messageOf } from "../../../lib/error-text.ts";
import type { Logger } from "../../../lib/logger.ts";
import { CopiedStorage } from "./copied-storage.ts";
import { EncryptedStorage } from "./encrypted-storage.ts";
import { GuardedStorage } from "./guarded-storage.ts";
import { FolderStorage } from "./folder-storage.ts";
import { RedisStorage, type RedisConnection } from "./redis-storage.ts";

export interface SharedStorageContext {
  clock: Clock;
  logger: Logger;
  /** Where the copy for bad days is. */
  copyFolder: string;
}

/** Throws a CommandError when a file can't be read. */
export function sharedStorage(
  { url, secret, caFile, prefix }: SharedStoreSettings,
  { clock, logger, copyFolder }: SharedStorageContext,
): CopiedStorage {
  const redis = new RedisStorage({
    url,
    prefix,
    ca: readCa(caFile),
    clock,
    connect: connectToRedis,
  });
  const stored = secret === null ? redis : new EncryptedStorage(redis, Buffer.from(secret));
  return new CopiedStorage(new GuardedStorage(stored), new FolderStorage(copyFolder), logger);
}

function connectToRedis(url: string, ca: string | null): RedisConnection {
  return new RedisClient(url, {
    // Whoever needs it connects anew: nothing waits in a queue that nobody sees.
    autoReconnect: false,
    enableOfflineQueue: false,
    ...(ca === null ? {} : { tls: { ca } }),
  });
}

function readCa(path: string): string | null {
  if (path === "") return null;
  try {
    return readRegularFileSync(path, maxCertificateFileBytes).toString();
  } catch (error) {
    throw new CommandError(
      `KAMAL_PROXY_CERTIFICATE_STORE_CA_FILE: ${path} can't be read: ${messageOf(error)}`,
    );
  }
}
