/** Lets so many tasks run at once; the others wait in order, up to a limit. */
export class ConcurrencyLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxRunning: number, maxWaiting = Number.POSITIVE_INFINITY) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  /** Null when too many wait already; the task is not started then. */
  run<T>(task: () => Promise<T>): Promise<T> | null {
    if (this.#running >= this.#maxRunning && this.#waiting.length >= this.#maxWaiting) return null;
    return this.#runWhenFree(task);
  }

  async #runWhenFree<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#maxRunning) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The place is handed on, so that nobody who comes now overtakes the next in line.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
