/** The state file on disk: read once, then replaced as a whole, one write at a time. */
import { copyFile, rename } from "node:fs/promises";
import { maxEntriesEncodedInATurn, maxStateBytes } from "../../config/limits.ts";
import {
  type AtomicWriteOptions,
  copyBeside,
  type FileOperations,
  isMount,
  linkedPath,
  writeFileAtomically,
} from "../../lib/atomic-file.ts";
import { codeOf, messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import { readRegularFile } from "../../lib/regular-file.ts";
import type { StateEntry } from "./state-entry.ts";
import { decodeState, encodedList, encodeEntry } from "./state-file.ts";

export interface StateStoreSettings {
  path: string;
  logger: Logger;
  operations?: FileOperations;
}

export class StateStore {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #writeOptions: AtomicWriteOptions;
  /** The write under way, and the one that will follow it for all who asked meanwhile. */
  #current: Promise<string | null> = Promise.resolve(null);
  #next: Promise<string | null> | null = null;
  readonly #texts = new WeakMap<StateEntry, string>();
  /** A file that could not be understood is moved aside before the first write. */
  #unreadable = false;

  constructor({ path, logger, operations }: StateStoreSettings) {
    this.#path = path;
    this.#logger = logger;
    this.#writeOptions = operations === undefined ? {} : { operations };
  }

  /** What was saved last; nothing when there is no file or it can not be understood. */
  async load(): Promise<StateEntry[]> {
    const path = this.#path;
    let text: string;
    try {
      text = await readText(path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") {
        this.#logger.info("No previous state to restore", { path });
      } else {
        this.#unreadable = true;
        this.#logger.error("Failed to restore saved state", { path, error: messageOf(error) });
      }
      return [];
    }
    try {
      const entries = decodeState(text);
      this.#logger.info("Restored saved state", { path });
      return entries;
    } catch (error) {
      this.#unreadable = true;
      this.#logger.error("Failed to decode saved state", { path, error: messageOf(error) });
      return await this.#loadCopy();
    }
  }

  /**
   * Resolves when what `entries` returned after this call is on disk, or with the reason why it is not.
   * That is logged: the command that caused the save has taken effect all the same.
   */
  save(entries: () => StateEntry[]): Promise<string | null> {
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      return this.#write(entries());
    });
    this.#current = this.#next;
    return this.#next;
  }

  /** Resolves when nothing is being written. */
  async flush(): Promise<void> {
    await this.#current;
  }

  async #write(entries: StateEntry[]): Promise<string | null> {
    const path = this.#path;
    try {
      await this.#keepUnreadable();
      const text = await this.#encode(entries);
      await writeFileAtomically(path, text, this.#writeOptions);
      this.#logger.debug("Saved state", { path });
      return null;
    } catch (error) {
      this.#logger.error("Unable to save state", { path, error: messageOf(error) });
      return messageOf(error);
    }
  }

  /** Others have their turn meanwhile; what was made of an entry that is the same is kept. */
  async #encode(entries: readonly StateEntry[]): Promise<string> {
    const texts: string[] = [];
    let made = 0;
    for (const entry of entries) {
      let text = this.#texts.get(entry);
      if (text === undefined) {
        text = encodeEntry(entry);
        this.#texts.set(entry, text);
        if (++made % maxEntriesEncodedInATurn === 0) await nextTurn();
      }
      texts.push(text);
    }
    return encodedList(texts);
  }

  /** What an interrupted write of a file that can't be replaced has left, complete. */
  async #loadCopy(): Promise<StateEntry[]> {
    const copy = copyBeside(await linkedPath(this.#path));
    try {
      const entries = decodeState(await readText(copy));
      this.#logger.warn("Restored the copy of the saved state", { path: copy });
      return entries;
    } catch {
      return [];
    }
  }

  async #keepUnreadable(): Promise<void> {
    if (!this.#unreadable) return;
    try {
      const path = await linkedPath(this.#path);
      const kept = `${path}.corrupt`;
      await rename(path, kept).catch(async (error: unknown) => {
        if (!isMount(error)) throw error;
        await copyFile(path, kept);
      });
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    this.#unreadable = false;
  }
}

async function readText(path: string): Promise<string> {
  return (await readRegularFile(path, maxStateBytes)).toString();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
