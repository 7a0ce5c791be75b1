/** Orders of certificates that have begun and not ended, for those who wait for the end of all of them. */

export class OrdersUnderWay {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  /** One has begun; disposed when it has ended. */
  begin(): Disposable {
    this.#count += 1;
    return {
      [Symbol.dispose]: () => {
        this.#count -= 1;
        if (this.#count > 0) return;
        for (const resolve of this.#waiting) resolve();
        this.#waiting.clear();
      },
    };
  }

  /** Resolves when none is under way, those included that begin meanwhile, or when the signal aborts. */
  async ended(signal: AbortSignal): Promise<void> {
    if (this.#count === 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#waiting.delete(resolve);
  }
}
