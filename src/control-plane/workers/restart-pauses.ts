/** How long to wait before a worker that died is replaced: not at all, until it dies again and again. */
import {
  maxWorkerRestartPauseMs,
  promptWorkerRestarts,
  workerDeathMemoryMs,
  workerRestartPauseMs,
} from "../../config/worker-limits.ts";

export class RestartPauses {
  /** When it died, of late. */
  #deathsMs: number[] = [];

  /** To be called at each death. */
  nextMs(nowMs: number): number {
    this.#deathsMs = this.#deathsMs.filter((deathMs) => nowMs - deathMs < workerDeathMemoryMs);
    this.#deathsMs.push(nowMs);
    const surplus = this.#deathsMs.length - promptWorkerRestarts;
    if (surplus <= 0) return 0;
    return Math.min(workerRestartPauseMs * 2 ** (surplus - 1), maxWorkerRestartPauseMs);
  }
}
