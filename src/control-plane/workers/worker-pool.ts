/** All workers as one data plane: what is told goes to each, what is asked is summed. */
import {
  workerEndTimeoutMs,
  workerMetricsIntervalMs,
  workerWatchIntervalMs,
} from "../../config/worker-limits.ts";
import type { Timer } from "../../lib/clock.ts";
import type { CertificateChange } from "../../seam/certificates.ts";
import { SeamClosedError } from "../../seam/conversation.ts";
import type {
  DataPlane,
  DataPlaneSamples,
  SpanCounts,
  TargetAnswer,
  TargetQuestion,
} from "../../seam/data-plane.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import type { Snapshot } from "../../seam/snapshot.ts";
import type { WorkerDescription } from "../socket/protocol.ts";
import { type LinkContext, LinkedWorker, type WorkerHandle } from "./linked-worker.ts";
import { GoneMetrics, sumMetrics } from "./metrics-sum.ts";
import { type SlotContext, WorkerSlot } from "./worker-slot.ts";

export interface WorkerPoolContext extends Pick<SlotContext, "clock" | "logger" | "certificates"> {
  slots: readonly Pick<SlotContext, "options" | "launch">[];
  /** What the workers count is fetched from time to time, so that it is not lost with one of them. */
  keepsMetrics: boolean;
  /** The sockets that are handed to workers: nobody gets them any more. */
  closeSockets(): void;
  /** What those that are gone had counted. */
  gone: GoneCounts;
}

/** What those that are gone have counted. */
export interface GoneCounts {
  metrics: readonly ServiceMetrics[];
  served: readonly (readonly [targetId: string, count: number])[];
  spans: SpanCounts;
}

export class WorkerPool implements DataPlane {
  readonly #context: WorkerPoolContext;
  readonly #links: LinkContext;
  readonly #slots: WorkerSlot[];
  readonly #gone = new GoneMetrics();
  /** Requests that workers have ended which are gone, by target. */
  #goneServed = new Map<string, number>();
  #goneSpans: SpanCounts;
  /** Those of the executable before. */
  readonly #old = new Set<LinkedWorker>();
  #snapshot: Snapshot | null = null;
  #timer: Timer | null = null;
  /** Is told what all have counted, as often as it is kept. */
  onMetrics: ((metrics: readonly ServiceMetrics[]) => void) | null = null;

  constructor(context: WorkerPoolContext) {
    this.#context = context;
    this.#gone.add(context.gone.metrics);
    this.#goneServed = new Map(context.gone.served);
    this.#goneSpans = context.gone.spans;
    const links = { ...context, snapshot: () => this.#snapshot };
    this.#links = links;
    this.#slots = context.slots.map((slot, number) => {
      return new WorkerSlot({
        ...links,
        ...slot,
        number,
        died: (worker) => this.#died(worker),
      });
    });
  }

  /** Resolves when all serve; to be called when there is a snapshot. */
  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.start()));
    this.#keepAsking();
    for (const worker of this.#old) void this.#retire(worker);
  }

  /** Nothing is on its way any more, and the one who has their channels next knows all that was counted. */
  async hold(): Promise<{ workers: readonly LinkedWorker[]; gone: GoneCounts }> {
    this.#askNoMore();
    await Promise.all([this.metrics(), this.samples()]);
    const asked = this.#workers();
    await Promise.all(asked.map((worker) => worker.answer(worker.handle.hold())));
    // Who has gone meanwhile is not there any more, and who has come in its place was not held.
    const there = new Set(this.#workers());
    const workers = asked.filter((worker) => there.has(worker));
    const gone = {
      metrics: this.#gone.metrics,
      served: [...this.#goneServed],
      spans: this.#goneSpans,
    };
    return { workers, gone };
  }

  /** They are not handed over after all. */
  release(): void {
    for (const { handle } of this.#workers()) handle.release();
    this.#keepAsking();
  }

  async apply(snapshot: Snapshot): Promise<void> {
    this.#snapshot = snapshot;
    await Promise.all(this.#workers().map((worker) => worker.publish()));
  }

  async certificates(change: CertificateChange): Promise<void> {
    await Promise.all(this.#workers().map((worker) => worker.certificates(change)));
  }

  async drain(targetIds: readonly string[], timeoutMs: number): Promise<void> {
    await Promise.all(this.#workers().map((worker) => worker.drain(targetIds, timeoutMs)));
  }

  async samples(): Promise<DataPlaneSamples> {
    // As they were when those who are there were asked: who dies meanwhile is among the parts.
    const [goneServed, goneSpans] = [this.#goneServed, this.#goneSpans];
    const parts = await Promise.all(this.#workers().map((worker) => worker.samples()));
    const sum: DataPlaneSamples = { targets: {}, held: {} };
    for (const { targets, held, spans } of parts) {
      if (spans !== undefined) sum.spans = sumOfSpans(sum.spans ?? goneSpans, spans);
      for (const [id, { inFlight, served, ejectedForMs }] of Object.entries(targets)) {
        const target = (sum.targets[id] ??= { inFlight: 0, served: 0 });
        target.inFlight += inFlight;
        target.served += served;
        // Each worker judges for itself.
        if (ejectedForMs !== undefined) {
          target.ejectedForMs = Math.max(target.ejectedForMs ?? 0, ejectedForMs);
        }
      }
      for (const [name, count] of Object.entries(held)) {
        sum.held[name] = (sum.held[name] ?? 0) + count;
      }
    }
    for (const [id, target] of Object.entries(sum.targets)) {
      target.served += goneServed.get(id) ?? 0;
    }
    return sum;
  }

  async metrics(): Promise<ServiceMetrics[]> {
    const gone = this.#gone.metrics;
    const parts = await Promise.all(this.#workers().map((worker) => worker.metrics()));
    return sumMetrics([gone, ...parts]);
  }

  /** Any of them can ask; one that dies over it is no answer yet. */
  async askTarget(question: TargetQuestion, signal: AbortSignal): Promise<TargetAnswer> {
    for (const { handle } of this.#workers()) {
      try {
        return await handle.dataPlane.askTarget(question, signal);
      } catch (error) {
        if (!(error instanceof SeamClosedError)) throw error;
      }
    }
    return { status: 503, body: "no worker" };
  }

  async leave(): Promise<void> {
    await Promise.all(this.#workers().map((worker) => worker.leave()));
  }

  async underWay(): Promise<number> {
    const counts = await Promise.all(this.#workers().map((worker) => worker.underWay()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async finish(graceMs: number): Promise<void> {
    for (const slot of this.#slots) slot.retire();
    this.#context.closeSockets();
    await Promise.all(this.#workers().map((worker) => worker.finish(graceMs)));
  }

  /** What is left is cut; resolves when all are gone and their last lines have arrived. */
  async end(): Promise<void> {
    this.#askNoMore();
    for (const slot of this.#slots) slot.retire();
    const workers = this.#workers();
    const kill = this.#context.clock.after(workerEndTimeoutMs, () => {
      for (const { handle } of workers) handle.kill();
    });
    for (const { handle } of workers) handle.dataPlane.end().catch(() => {});
    await Promise.all(workers.map(({ handle }) => handle.gone));
    await Promise.all(this.#slots.map((slot) => slot.gone));
    kill.cancel();
  }

  /** Those that finish come last. */
  async describe(): Promise<WorkerDescription[]> {
    const serving = this.#slots.map(({ number, worker, state, restarts }) => {
      return { worker: number, pid: worker?.handle.pid ?? 0, state, restarts };
    });
    const finishing = [...this.#old].map(async (worker) => {
      const connections = (await worker.answer(worker.handle.dataPlane.connections())) ?? 0;
      return { pid: worker.handle.pid, state: "finishing" as const, connections };
    });
    return [...serving, ...(await Promise.all(finishing))];
  }

  #workers(): LinkedWorker[] {
    const serving = this.#slots.map(({ worker }) => worker).filter((worker) => worker !== null);
    return [...serving, ...this.#old];
  }

  /** One of the executable before: it serves until all of the new ones do, and then finishes. */
  adopt(handle: WorkerHandle): void {
    const worker = new LinkedWorker(handle, this.#links);
    this.#old.add(worker);
    handle.release();
    void worker.handle.gone.then(() => {
      this.#old.delete(worker);
      this.#died(worker);
    });
  }

  async #retire(worker: LinkedWorker): Promise<void> {
    await worker.retire();
    // Its last counts are not lost with it.
    await Promise.all([worker.metrics(), worker.samples()]);
    await worker.handle.dataPlane.end().catch(() => {});
  }

  #died(worker: LinkedWorker): void {
    this.#gone.add(worker.lastMetrics);
    const served = new Map<string, number>();
    for (const { active, rollout } of this.#snapshot?.services ?? []) {
      for (const { id } of [...active.targets, ...(rollout?.targets ?? [])]) {
        const before = this.#goneServed.get(id) ?? 0;
        served.set(id, before + (worker.lastSamples.targets[id]?.served ?? 0));
      }
    }
    this.#goneServed = served;
    const { spans } = worker.lastSamples;
    if (spans !== undefined) this.#goneSpans = sumOfSpans(this.#goneSpans, spans);
  }

  /** One that hangs is found by being asked: its clients would wait for ever. */
  #keepAsking(): void {
    const { clock, keepsMetrics } = this.#context;
    const timer = clock.after(
      keepsMetrics ? workerMetricsIntervalMs : workerWatchIntervalMs,
      () => {
        void this.#ask().then(() => {
          if (this.#timer === timer) this.#keepAsking();
        });
      },
    );
    this.#timer = timer;
  }

  async #ask(): Promise<void> {
    if (!this.#context.keepsMetrics) {
      await this.underWay();
      return;
    }
    const [metrics] = await Promise.all([this.metrics(), this.samples()]);
    this.onMetrics?.(metrics);
  }

  #askNoMore(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

function sumOfSpans(one: SpanCounts, other: SpanCounts): SpanCounts {
  return { exported: one.exported + other.exported, dropped: one.dropped + other.dropped };
}
