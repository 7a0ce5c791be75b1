/**
 * Replaces a file so that whoever reads it, also after a crash at any moment, finds the old content
 * or the new one, never a part.
 */
import { open, realpath, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** The steps that can be interrupted, so that tests can fail each of them. */
export interface FileOperations {
  writeSynced(path: string, data: string | Uint8Array, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export interface AtomicWriteOptions {
  mode?: number;
  operations?: FileOperations;
}

/**
 * Calls for one path must not overlap: they share the temporary file beside it. Where the path is a
 * link, the file that it names is replaced.
 */
export async function writeFileAtomically(
  link: string,
  data: string | Uint8Array,
  { mode = 0o644, operations = fileOperations }: AtomicWriteOptions = {},
): Promise<void> {
  const path = await realpath(link).catch(() => link);
  // A fixed name, so that what a crash leaves behind is overwritten and never piles up.
  const temporaryPath = `${path}.tmp`;
  try {
    await operations.writeSynced(temporaryPath, data, mode);
    await operations.rename(temporaryPath, path);
  } catch (error) {
    await operations.unlink(temporaryPath).catch(() => {});
    throw error;
  }
  await operations.syncFolder(dirname(path));
}

export const fileOperations: FileOperations = {
  async writeSynced(path, data, mode) {
    const file = await open(path, "w", mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  async syncFolder(path) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  unlink,
};
