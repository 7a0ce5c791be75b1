/** Where collected bodies are kept: the memory that they share, and the folder of what does not fit. */
import { maxCollectedBytesPerConnection, maxSharedDirectBytes } from "../../../config/limits.ts";
import { MemoryBudget } from "../../../net/memory-budget.ts";
import type { SpoolOptions } from "./spooled-body.ts";

export class SpoolSpace {
  readonly #memory: MemoryBudget;
  readonly #folder: string;
  /** Of connections with several requests at once. */
  readonly #parts = new WeakMap<object, MemoryBudget>();

  constructor(memory: MemoryBudget, folder: string) {
    this.#memory = memory;
    this.#folder = folder;
  }

  options(maxMemoryBytes: number, maxBytes: number): SpoolOptions {
    return {
      maxMemoryBytes,
      maxBytes,
      memory: this.#memory,
      folder: this.#folder,
      maxDirectBytes: Infinity,
    };
  }

  /** For a response; `connection` carries others at the same time, unless it is null. */
  responseOptions(
    maxMemoryBytes: number,
    maxBytes: number,
    connection: object | null,
  ): SpoolOptions {
    const options = this.options(maxMemoryBytes, maxBytes);
    if (connection === null) return options;
    options.memory = this.#partOf(connection, maxMemoryBytes);
    options.maxDirectBytes = maxSharedDirectBytes;
    return options;
  }

  /** One response alone always has what its service allows. */
  #partOf(connection: object, maxMemoryBytes: number): MemoryBudget {
    let part = this.#parts.get(connection);
    if (part === undefined) {
      part = new MemoryBudget(maxCollectedBytesPerConnection, this.#memory);
      this.#parts.set(connection, part);
    }
    if (maxMemoryBytes > part.limitBytes) part.limitTo(maxMemoryBytes);
    return part;
  }
}
