/** Where collected bodies are kept: the memory that they share, and the folder of what does not fit. */
import type { MemoryBudget } from "../../../net/memory-budget.ts";
import type { SpoolOptions } from "./spooled-body.ts";

export class SpoolSpace {
  readonly #memory: MemoryBudget;
  readonly #folder: string;

  constructor(memory: MemoryBudget, folder: string) {
    this.#memory = memory;
    this.#folder = folder;
  }

  options(maxMemoryBytes: number, maxBytes: number): SpoolOptions {
    return { maxMemoryBytes, maxBytes, memory: this.#memory, folder: this.#folder };
  }
}
