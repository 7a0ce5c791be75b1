/**
 * Monotonic time without the pauses in which the process did not run. A beat reads it at a short
 * interval; a longer silence than that allows was a pause, whoever notices it first.
 */

export const beatMs = 250;
/** Silence that a busy turn of the event loop explains. Of a longer one only a beat is counted. */
const maxSilenceMs = 2 * beatMs;

export class RunningTime {
  readonly #readMs: () => number;
  #lastReadMs: number;
  #pausedMs = 0;
  #beats = false;

  constructor(readMs: () => number) {
    this.#readMs = readMs;
    this.#lastReadMs = readMs();
  }

  now(): number {
    if (!this.#beats) this.#begin();
    const readMs = this.#readMs();
    const silentMs = readMs - this.#lastReadMs;
    this.#lastReadMs = readMs;
    // Something is always counted: a process that is slow all the time still ends its waits.
    if (silentMs > maxSilenceMs) this.#pausedMs += silentMs - beatMs;
    return readMs - this.#pausedMs;
  }

  /** The beat begins with the first question: a command of the client asks for no time. */
  #begin(): void {
    this.#beats = true;
    this.#lastReadMs = this.#readMs();
    setInterval(() => this.now(), beatMs).unref();
  }
}
