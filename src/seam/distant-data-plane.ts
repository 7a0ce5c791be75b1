/** A data plane at the other end of the seam, as the control plane sees it. */
import type { CertificateChange } from "./certificates.ts";
import { Conversation } from "./conversation.ts";
import type {
  DataPlane,
  DataPlaneQuestions,
  DataPlaneSamples,
  TargetAnswer,
  TargetQuestion,
} from "./data-plane.ts";
import type {
  ControlPlaneCalls,
  DataPlaneCalls,
  DataPlaneOptions,
  ListeningPorts,
} from "./plane-calls.ts";
import type { SeamEnd } from "./seam-end.ts";
import type { ServiceMetrics } from "./service-metrics.ts";
import type { Snapshot } from "./snapshot.ts";
import { SnapshotSender } from "./snapshot-changes.ts";

/** Every call rejects with a SeamClosedError when the other end goes before it has answered. */
export class DistantDataPlane implements DataPlane {
  readonly #conversation: Conversation<DataPlaneCalls, ControlPlaneCalls>;
  readonly #snapshots = new SnapshotSender();

  constructor(end: SeamEnd, questions: DataPlaneQuestions) {
    this.#conversation = new Conversation<DataPlaneCalls, ControlPlaneCalls>(end, {
      certificate: (name) => questions.certificate(name),
      async rsaWanted(name) {
        await questions.rsaWanted(name);
        return null;
      },
      challenge: (request) => questions.challenge(request),
      async proxyHeaderFaults(faults) {
        await questions.proxyHeaderFaults(faults);
        return null;
      },
    });
  }

  /** Called when the other end has gone by itself. */
  set onClose(callback: (() => void) | null) {
    this.#conversation.onClose = callback;
  }

  async start(options: DataPlaneOptions): Promise<void> {
    await this.#conversation.call("start", options);
  }

  listen(): Promise<ListeningPorts> {
    return this.#conversation.call("listen", null);
  }

  async apply(snapshot: Snapshot): Promise<void> {
    await this.#conversation.call("apply", this.#snapshots.changesTo(snapshot));
  }

  async certificates(change: CertificateChange): Promise<void> {
    await this.#conversation.call("certificates", change);
  }

  async drain(targetIds: readonly string[], timeoutMs: number): Promise<void> {
    await this.#conversation.call("drain", { targetIds, timeoutMs });
  }

  samples(): Promise<DataPlaneSamples> {
    return this.#conversation.call("samples", null);
  }

  metrics(): Promise<ServiceMetrics[]> {
    return this.#conversation.call("metrics", null);
  }

  askTarget(question: TargetQuestion, signal: AbortSignal): Promise<TargetAnswer> {
    return this.#conversation.call("askTarget", question, signal);
  }

  async finish(graceMs: number): Promise<void> {
    await this.#conversation.call("finish", { graceMs });
  }

  async leave(): Promise<void> {
    await this.#conversation.call("leave", null);
  }

  underWay(): Promise<number> {
    return this.#conversation.call("underWay", null);
  }

  /** Resolves when nobody is connected any more, or the time for it is over. */
  async retire(): Promise<void> {
    await this.#conversation.call("retire", null);
  }

  connections(): Promise<number> {
    return this.#conversation.call("connections", null);
  }

  /** The other end cuts what is left, writes its last lines and goes. */
  async end(): Promise<void> {
    await this.#conversation.call("end", null);
  }

  /** What was asked before is not answered any more. */
  startAnew(): void {
    this.#conversation.startAnew();
  }

  close(): void {
    this.#conversation.close();
  }
}
