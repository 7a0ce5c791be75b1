/**
 * Values by host, and the one rule by which a name finds its own: exact host, then the wildcard of one
 * label, then any host (the empty name). The first that is listed at all decides.
 */
import { wildcardOf } from "../lib/host-name.ts";

export class HostMap<T> {
  readonly #values = new Map<string, T>();

  /** Of this very host. */
  get(host: string): T | undefined {
    return this.#values.get(host);
  }

  set(host: string, value: T): void {
    this.#values.set(host, value);
  }

  hosts(): MapIterator<string> {
    return this.#values.keys();
  }

  values(): MapIterator<T> {
    return this.#values.values();
  }

  /** The name is in its normal form. */
  lookup(name: string): T | undefined {
    const exact = this.#values.get(name);
    if (exact !== undefined) return exact;
    const wildcard = wildcardOf(name);
    const found = wildcard === null ? undefined : this.#values.get(wildcard);
    return found === undefined ? this.#values.get("") : found;
  }
}
