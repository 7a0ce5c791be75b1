/** Reads the files that settings name, and looks from time to time whether they have changed. */
import { maxNamedFileBytes, namedFilePollIntervalMs } from "../config/limits.ts";
import type { ServiceOptions } from "../config/options.ts";
import { type NamedFile, namedFiles, type FileContents } from "../config/named-files.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { messageOf } from "../lib/error-text.ts";
import type { Logger } from "../lib/logger.ts";
import { readRegularFile } from "../lib/regular-file.ts";
import type { ServiceRegistry } from "./service-registry.ts";

/** Throws an error with the reason when one can't be read, or has no such content. */
export async function readNamedFiles(options: ServiceOptions): Promise<FileContents> {
  const contents: Record<string, string> = {};
  for (const file of namedFiles(options)) contents[file.path] = await readChecked(file);
  return contents;
}

async function readChecked({ path, fault }: NamedFile): Promise<string> {
  const text = (await readRegularFile(path, maxNamedFileBytes)).toString();
  const reason = fault(text);
  if (reason !== undefined) throw new Error(`${path}: ${reason}`);
  return text;
}

export interface NamedFileWatchContext {
  registry: ServiceRegistry;
  clock: Clock;
  logger: Logger;
}

export class NamedFileWatch {
  readonly #context: NamedFileWatchContext;
  /** What is wrong with files, by path: it is logged once. */
  readonly #reported = new Map<string, string>();
  #timer: Timer | null = null;
  #closed = false;

  constructor(context: NamedFileWatchContext) {
    this.#context = context;
  }

  /** To be called whenever services may have come to name files. */
  schedule(): void {
    if (this.#closed || this.#timer !== null || this.#watched().length === 0) return;
    this.#timer = this.#context.clock.after(namedFilePollIntervalMs, async () => {
      await this.#look();
      this.#timer = null;
      this.schedule();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Those of degraded services are read when these are tried again. */
  #watched() {
    return this.#context.registry
      .all()
      .filter(({ options, degraded }) => degraded === null && namedFiles(options).length > 0);
  }

  /** Reading again and again also finds what file events miss: mounts, network disks, swapped links. */
  async #look(): Promise<void> {
    for (const { name, options } of this.#watched()) {
      for (const file of namedFiles(options)) {
        const text = await this.#readGood(file);
        if (text !== null) this.#take(name, file.path, text);
      }
    }
  }

  /** Null when it can't be used: what it said before stays. */
  async #readGood(file: NamedFile): Promise<string | null> {
    const { path } = file;
    try {
      const text = await readChecked(file);
      this.#reported.delete(path);
      return text;
    } catch (error) {
      const reason = messageOf(error);
      if (this.#reported.get(path) !== reason) {
        this.#reported.set(path, reason);
        this.#context.logger.warn("Keeping what a file of settings said before", {
          path,
          error: reason,
        });
      }
      return null;
    }
  }

  #take(name: string, path: string, text: string): void {
    const { registry, logger } = this.#context;
    // A command may have changed the service meanwhile.
    const service = registry.get(name);
    const before = service?.fileContents[path];
    if (service === undefined || before === undefined || before === text) return;
    registry.set({ ...service, fileContents: { ...service.fileContents, [path]: text } });
    logger.info("File of settings has changed", { service: name, path });
  }
}
