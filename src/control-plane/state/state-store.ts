/** The state file on disk: read once, then replaced as a whole, one write at a time. */
import { readFile, rename } from "node:fs/promises";
import {
  type AtomicWriteOptions,
  type FileOperations,
  writeFileAtomically,
} from "../../lib/atomic-file.ts";
import { codeOf, messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type { SavedService, StateEntry } from "./state-entry.ts";
import { decodeState, encodeState } from "./state-file.ts";

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
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  readonly #texts = new WeakMap<SavedService, string>();
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
      text = await readFile(path, "utf8");
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
      return [];
    }
  }

  /**
   * Resolves when what `entries` returned after this call is on disk. A failure is logged: the
   * command that caused the save has taken effect all the same.
   */
  save(entries: () => StateEntry[]): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      return this.#write(entries());
    });
    this.#current = this.#next;
    return this.#next;
  }

  /** Resolves when nothing is being written. */
  flush(): Promise<void> {
    return this.#current;
  }

  async #write(entries: StateEntry[]): Promise<void> {
    const path = this.#path;
    try {
      await this.#keepUnreadable();
      await writeFileAtomically(path, encodeState(entries, this.#texts), this.#writeOptions);
      this.#logger.debug("Saved state", { path });
    } catch (error) {
      this.#logger.error("Unable to save state", { path, error: messageOf(error) });
    }
  }

  async #keepUnreadable(): Promise<void> {
    if (!this.#unreadable) return;
    try {
      await rename(this.#path, `${this.#path}.corrupt`);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    this.#unreadable = false;
  }
}
