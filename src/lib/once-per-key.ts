/** Work that is done once at a time for each key, however many ask for it. */
export class OncePerKey<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>();

  /** Joins the work under way for the key, or starts it. A failure reaches all who wait, and nobody later. */
  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
