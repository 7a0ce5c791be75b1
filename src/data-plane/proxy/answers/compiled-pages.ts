/** Compiled error pages; the source in the snapshot is their key, so each is compiled once. */
import { ErrorPages } from "./error-pages.ts";

export class CompiledPages {
  readonly #defaults = ErrorPages.compile(null);
  readonly #compiled = new WeakMap<Record<string, string>, ErrorPages>();

  /** Null: the default pages. */
  of(sources: Record<string, string> | null): ErrorPages {
    if (sources === null) return this.#defaults;
    let pages = this.#compiled.get(sources);
    if (pages === undefined) {
      pages = ErrorPages.compile(sources);
      this.#compiled.set(sources, pages);
    }
    return pages;
  }
}
