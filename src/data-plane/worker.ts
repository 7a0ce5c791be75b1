/**
 * The data plane at its end of the seam: what it has to know comes down, what it has to ask goes up. It reads
 * no file, keeps no state, decides nothing.
 */
import { shutdownTimeoutMs } from "../config/limits.ts";
import type { Clock } from "../lib/clock.ts";
import { shareWaitingMemory } from "../net/unsent-memory.ts";
import { Conversation } from "../seam/conversation.ts";
import type { ControlPlaneCalls, DataPlaneCalls } from "../seam/plane-calls.ts";
import type { LineWriter } from "../seam/process-log.ts";
import type { SeamEnd } from "../seam/seam-end.ts";
import { SnapshotReceiver } from "../seam/snapshot-changes.ts";
import { askTarget } from "./proxy/ask-target.ts";
import { ServingPlane } from "./serving-plane.ts";

export interface WorkerContext {
  /** To the control plane. */
  end: SeamEnd;
  /** Takes the lines of the log. */
  output: LineWriter;
  clock: Clock;
  /** There is nothing left to do here. */
  onEnd(): void;
}

/** Serves what it is told over the seam. When the other end has gone, it finishes what is under way. */
export function startWorker({ end, output, clock, onEnd }: WorkerContext): StartedWorker {
  let serving: ServingPlane | null = null;
  const snapshots = new SnapshotReceiver();
  const plane = (): ServingPlane => {
    if (serving === null) throw new Error("the data plane has no options yet");
    return serving;
  };
  const control = new Conversation<ControlPlaneCalls, DataPlaneCalls>(end, {
    start(options) {
      shareWaitingMemory(options.workers, options.usableMemoryBytes);
      serving = new ServingPlane(options, control, output, clock);
      return null;
    },
    listen: () => plane().listen(),
    apply(changes) {
      plane().services.apply(snapshots.with(changes));
      return null;
    },
    certificates(change) {
      plane().certificates.change(change);
      return null;
    },
    async drain({ targetIds, timeoutMs }) {
      await plane().services.drain(targetIds, timeoutMs);
      return null;
    },
    samples: () => ({ ...plane().services.samples(), ...plane().tracing.counts }),
    metrics: () => plane().metrics.snapshot(),
    askTarget: (question, signal) => askTarget(plane().services, question, signal),
    async finish({ graceMs }) {
      await plane().finish(graceMs);
      return null;
    },
    leave() {
      plane().leave();
      return null;
    },
    underWay: () => plane().underWay,
    async retire() {
      await plane().retire(plane().finishTimeoutMs);
      return null;
    },
    connections: () => plane().connections,
    async end() {
      serving?.destroy();
      // What was cut just now still gets its log line.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      await serving?.tracing.close();
      setImmediate(onEnd);
      return null;
    },
  });
  let alone = false;
  control.onClose = () => {
    alone = true;
    if (serving === null) onEnd();
    else void serving.windUp(shutdownTimeoutMs).then(onEnd);
  };
  return {
    startAnew: () => control.startAnew(),
    stop() {
      if (alone) onEnd();
    },
  };
}

export interface StartedWorker {
  /** There is another control plane at the other end: what was asked of the one before is not answered. */
  startAnew(): void;
  /** A signal says so: it counts when no control plane is there any more. */
  stop(): void;
}
