/** Locks within this process. */
import type { StorageLock } from "./certificate-storage.ts";

export class LocalLocks {
  /** By name: resolves when the last one in line lets go. */
  readonly #lines = new Map<string, Promise<void>>();
  #fence = 0;

  async take(name: string, signal: AbortSignal): Promise<StorageLock> {
    const before = this.#lines.get(name) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const line = before.then(() => promise);
    this.#lines.set(name, line);
    void line.then(() => this.#lines.get(name) === line && this.#lines.delete(name));
    try {
      await orAborted(before, signal);
    } catch (error) {
      // Those behind wait for those before all the same.
      resolve();
      throw error;
    }
    return {
      name,
      fence: ++this.#fence,
      async [Symbol.asyncDispose]() {
        resolve();
      },
    };
  }
}

async function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([wait, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
