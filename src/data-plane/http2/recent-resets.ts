/** The streams that were reset here lately: the peer may not know yet, and goes on sending (RFC 9113 5.4.2). */

const maxRemembered = 128;

export class RecentResets {
  /** Most connections have none. */
  #ids: Set<number> | null = null;

  add(id: number): void {
    this.#ids ??= new Set();
    this.#ids.add(id);
    if (this.#ids.size <= maxRemembered) return;
    const { value: oldest } = this.#ids.values().next();
    if (oldest !== undefined) this.#ids.delete(oldest);
  }

  has(id: number): boolean {
    return this.#ids !== null && this.#ids.has(id);
  }
}
