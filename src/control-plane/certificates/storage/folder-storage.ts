/** The storage of one proxy: files below a folder, where and as kamal-proxy keeps them. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { maxCertificateFileBytes } from "../../../config/limits.ts";
import { readRegularFile } from "../../../lib/regular-file.ts";
import { writeFileAtomically } from "../../../lib/atomic-file.ts";
import { codeOf } from "../../../lib/error-text.ts";
import type { CertificateStorage, StorageLock } from "./certificate-storage.ts";
import { LocalLocks } from "./local-locks.ts";

const never = new AbortController().signal;

export class FolderStorage implements CertificateStorage {
  readonly place: string;
  readonly isShared = false;
  readonly #locks = new LocalLocks();
  readonly #writes = new LocalLocks();

  constructor(folder: string) {
    this.place = folder;
  }

  async read(key: string): Promise<Buffer | null> {
    try {
      return await readRegularFile(this.#path(key), maxCertificateFileBytes);
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return null;
      throw error;
    }
  }

  async write(key: string, value: Uint8Array): Promise<void> {
    const path = this.#path(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // One after the other: they share the file beside it.
    await using writing = await this.#writes.take(key, never);
    void writing;
    await writeFileAtomically(path, value, { mode: 0o600 });
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  async list(prefix: string): Promise<string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    try {
      const names = await readdir(this.#path(folder), { withFileTypes: true });
      return names
        .filter((entry) => entry.isFile())
        .map((entry) => folder + entry.name)
        .filter((key) => key.startsWith(prefix));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  lock(name: string, signal: AbortSignal): Promise<StorageLock> {
    return this.#locks.take(name, signal);
  }

  /** Nobody else writes here while the proxy runs. */
  watch(): Disposable {
    return { [Symbol.dispose]() {} };
  }

  /** Keys come from names that were checked: none leads out of the folder. */
  #path(key: string): string {
    if (key.split("/").includes("..")) throw new RangeError(`no key of a file: ${key}`);
    return join(this.place, key);
  }
}
