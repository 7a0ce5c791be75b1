/** A worker that serves, as the pool deals with it: it has to answer in time, and may die at any moment. */
import { workerAnswerTimeoutMs } from "../../config/worker-limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import type { CertificateChange } from "../../seam/certificates.ts";
import { SeamClosedError } from "../../seam/conversation.ts";
import type { DataPlaneSamples } from "../../seam/data-plane.ts";
import type { DistantDataPlane } from "../../seam/distant-data-plane.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import type { Snapshot } from "../../seam/snapshot.ts";

/** The process behind it. */
export interface WorkerHandle {
  readonly pid: number;
  readonly dataPlane: DistantDataPlane;
  /** The descriptor of its channel, which outlives this executable. */
  readonly channelFd: number;
  /** Resolves when it is gone. */
  readonly gone: Promise<{ exitCode: number | null; signal: string | null }>;
  /** Resolves when nothing is on its way to it or from it, until `release`. */
  hold(): Promise<void>;
  release(): void;
  kill(): void;
}

export interface LinkContext {
  clock: Clock;
  logger: Logger;
  /** The newest one. */
  snapshot(): Snapshot | null;
}

export class LinkedWorker {
  readonly handle: WorkerHandle;
  /** As they were when it was last asked. */
  lastSamples: DataPlaneSamples = { targets: {}, held: {} };
  lastMetrics: readonly ServiceMetrics[] = [];
  readonly #context: LinkContext;
  #isEnded = false;
  #applying: Promise<void> | null = null;
  #following: Promise<void> | null = null;

  constructor(handle: WorkerHandle, context: LinkContext) {
    this.handle = handle;
    this.#context = context;
  }

  /**
   * Resolves when the newest snapshot is served, or the worker has gone. One is on its way at a time: of
   * those that come meanwhile only the last one goes.
   */
  publish(): Promise<void> {
    if (this.#applying === null) {
      this.#applying = this.#apply().finally(() => (this.#applying = null));
      return this.#applying;
    }
    this.#following ??= this.#applying.then(() => {
      this.#following = null;
      return this.publish();
    });
    return this.#following;
  }

  async certificates(change: CertificateChange): Promise<void> {
    await this.answer(this.handle.dataPlane.certificates(change));
  }

  /** Resolves also when the worker has gone with its requests. */
  async drain(targetIds: readonly string[], timeoutMs: number): Promise<void> {
    await this.#unlessGone(this.handle.dataPlane.drain(targetIds, timeoutMs));
  }

  async samples(): Promise<DataPlaneSamples> {
    this.lastSamples = (await this.answer(this.handle.dataPlane.samples())) ?? this.lastSamples;
    return this.lastSamples;
  }

  async metrics(): Promise<readonly ServiceMetrics[]> {
    this.lastMetrics = (await this.answer(this.handle.dataPlane.metrics())) ?? this.lastMetrics;
    return this.lastMetrics;
  }

  async leave(): Promise<void> {
    await this.answer(this.handle.dataPlane.leave());
  }

  async underWay(): Promise<number> {
    return (await this.answer(this.handle.dataPlane.underWay())) ?? 0;
  }

  async finish(graceMs: number): Promise<void> {
    await this.#unlessGone(this.handle.dataPlane.finish(graceMs));
  }

  /** Resolves when nobody is connected any more, or the time for it is over. */
  async retire(): Promise<void> {
    await this.#unlessGone(this.handle.dataPlane.retire());
  }

  /** What comes back in time; null when the worker has gone. One that does not answer is ended. */
  async answer<T>(call: Promise<T>): Promise<T | null> {
    const { clock, logger } = this.#context;
    const timer = clock.after(workerAnswerTimeoutMs, () => {
      if (this.#isEnded) return;
      this.#isEnded = true;
      logger.error("Worker does not answer", { pid: this.handle.pid });
      this.handle.kill();
    });
    const value = await this.#unlessGone(call);
    timer.cancel();
    return value;
  }

  async #apply(): Promise<void> {
    const snapshot = this.#context.snapshot();
    if (snapshot !== null) await this.answer(this.handle.dataPlane.apply(snapshot));
  }

  async #unlessGone<T>(call: Promise<T>): Promise<T | null> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof SeamClosedError)) {
        const fields = { pid: this.handle.pid, error: messageOf(error) };
        this.#context.logger.error("Worker failed to do what it was told", fields);
      }
      return null;
    }
  }
}
