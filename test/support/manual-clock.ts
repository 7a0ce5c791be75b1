/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from "../../src/lib/clock.ts";

interface Entry {
  dueMs: number;
  callback: (readUntilMs: number) => void;
}

export class ManualClock implements Clock {
  #nowMs = 1_000;
  readonly #wallOffsetMs = 1_700_000_000_000;
  readonly #entries = new Set<Entry>();

  now(): number {
    return this.#nowMs;
  }

  runningMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  after(delayMs: number, callback: (readUntilMs: number) => void): Timer {
    const entry = { dueMs: this.#nowMs + delayMs, callback };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  get pendingTimers(): number {
    return this.#entries.size;
  }

  /** Moves time on, firing each timer at its own moment, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      let next: Entry | undefined;
      for (const entry of this.#entries) {
        if (entry.dueMs <= endMs && (next === undefined || entry.dueMs < next.dueMs)) next = entry;
      }
      if (next === undefined) break;
      this.#entries.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback(this.#nowMs);
    }
    this.#nowMs = endMs;
  }
}
