/** Fields of a request that stay behind, beside those that would anyway. */

export class DroppedKeys {
  readonly #keys: ReadonlySet<string>;
  /** By what would stay behind anyway: there are few such sets, and each has dozens of keys. */
  readonly #sets = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

  constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  with(before: ReadonlySet<string>): ReadonlySet<string> {
    let all = this.#sets.get(before);
    if (all === undefined) {
      all = new Set([...before, ...this.#keys]);
      this.#sets.set(before, all);
    }
    return all;
  }
}
