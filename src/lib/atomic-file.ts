/**
 * Replaces a file so that whoever reads it, also after a crash at any moment, finds the old content
 * or the new one, never a part.
 */
import { constants } from "node:fs";
import { open, readlink, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { codeOf } from "./error-text.ts";
import { refuseIrregular } from "./regular-file.ts";

/** The steps that can be interrupted, so that tests can fail each of them. */
export interface FileOperations {
  /** Makes a file that is not there yet. */
  writeSynced(path: string, data: string | Uint8Array, mode: number): Promise<void>;
  /** Writes into the file that is there. */
  overwriteSynced(path: string, data: string | Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export interface AtomicWriteOptions {
  /** Whatever the umask is. */
  mode?: number;
  operations?: FileOperations;
}

const maxLinks = 40;

/**
 * Calls for one path must not overlap: they share the temporary file beside it. Where the path is a
 * link, also one that leads nowhere yet, the file that it names is written.
 *
 * What can't be replaced, because it is a mount of its own, is written in place while the complete new
 * content is beside it (`copyBeside`), where it stays when that does not come to its end. What is no regular
 * file is refused.
 */
export async function writeFileAtomically(
  link: string,
  data: string | Uint8Array,
  { mode = 0o600, operations = fileOperations }: AtomicWriteOptions = {},
): Promise<void> {
  const path = await linkedPath(link);
  await refuseReplacing(path);
  const temporaryPath = copyBeside(path);
  try {
    await operations.writeSynced(temporaryPath, data, mode);
  } catch (error) {
    await operations.unlink(temporaryPath).catch(() => {});
    if (!isClosedFolder(error)) throw error;
    // Without a place for a copy: a file that may be written in a folder that may not.
    return await operations.overwriteSynced(path, data).catch(() => {
      throw error;
    });
  }
  try {
    await operations.rename(temporaryPath, path);
  } catch (error) {
    if (isMount(error)) await operations.overwriteSynced(path, data);
    await operations.unlink(temporaryPath).catch(() => {});
    if (!isMount(error)) throw error;
  }
  await operations.syncFolder(dirname(path));
}

/** A device would be lost to the whole machine, and a pipe or a folder was meant for something. */
async function refuseReplacing(path: string): Promise<void> {
  const status = await stat(path).catch(() => null);
  if (status !== null) refuseIrregular(path, status);
}

/** A fixed name, so that what a crash leaves behind is overwritten and never piles up. */
export function copyBeside(path: string): string {
  return `${path}.tmp`;
}

/** The file that a path leads to, whether it is there or not. */
export async function linkedPath(link: string): Promise<string> {
  let path = link;
  for (let count = 0; count < maxLinks; count++) {
    try {
      return await realpath(path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    const target = await readlink(path).catch(() => null);
    if (target === null) return path;
    path = resolve(dirname(path), target);
  }
  return path;
}

/** Renaming over it, or out of its folder, is refused. */
export function isMount(error: unknown): boolean {
  return ["EBUSY", "EXDEV"].includes(codeOf(error));
}

function isClosedFolder(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(codeOf(error));
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

export const fileOperations: FileOperations = {
  async writeSynced(path, data, mode) {
    // What a crash has left; whatever else has the name is not written to.
    await unlink(path).catch(() => {});
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async overwriteSynced(path, data) {
    const file = await open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW);
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
