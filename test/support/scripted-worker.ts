/** A worker without a process: answers over a real seam, dies and hangs when told to. */
import type { WorkerHandle } from "../../src/control-plane/workers/linked-worker.ts";
import { Conversation } from "../../src/seam/conversation.ts";
import type { DataPlaneSamples } from "../../src/seam/data-plane.ts";
import { DistantDataPlane } from "../../src/seam/distant-data-plane.ts";
import type { ControlPlaneCalls, DataPlaneCalls } from "../../src/seam/plane-calls.ts";
import { joinedEnds } from "../../src/seam/seam-end.ts";
import type { ServiceMetrics } from "../../src/seam/service-metrics.ts";
import type { SnapshotChanges } from "../../src/seam/snapshot-changes.ts";

export class ScriptedWorker implements WorkerHandle {
  readonly dataPlane: DistantDataPlane;
  readonly gone: WorkerHandle["gone"];
  /** Names of the calls that came. */
  readonly calls: string[] = [];
  readonly applied: SnapshotChanges[] = [];
  samples: DataPlaneSamples = { targets: {}, held: {} };
  metrics: ServiceMetrics[] = [];
  killed = false;
  /** What calls wait for before they are answered. */
  hangs: Promise<void> | null = null;
  readonly pid: number;
  readonly #gone = Promise.withResolvers<{ exitCode: number | null; signal: string | null }>();
  readonly #conversation: Conversation<ControlPlaneCalls, DataPlaneCalls>;

  constructor(pid: number) {
    this.pid = pid;
    this.gone = this.#gone.promise;
    const [ours, theirs] = joinedEnds();
    this.dataPlane = new DistantDataPlane(ours, {
      certificate: async () => null,
      challenge: async () => null,
      rsaWanted: async () => {},
      proxyHeaderFaults: async () => {},
    });
    const did = async (name: string): Promise<null> => {
      this.calls.push(name);
      await this.hangs;
      return null;
    };
    this.#conversation = new Conversation<ControlPlaneCalls, DataPlaneCalls>(theirs, {
      start: () => did("start"),
      listen: async () => {
        await did("listen");
        return { http: 80, https: 443 };
      },
      apply: (changes) => {
        this.applied.push(changes);
        return did("apply");
      },
      certificates: () => did("certificates"),
      drain: () => did("drain"),
      samples: async () => {
        await did("samples");
        return this.samples;
      },
      metrics: async () => {
        await did("metrics");
        return this.metrics;
      },
      askTarget: async () => {
        await did("askTarget");
        return { status: 200, body: `worker ${pid}` };
      },
      finish: () => did("finish"),
      leave: () => did("leave"),
      underWay: async () => {
        await did("underWay");
        return 0;
      },
      retire: () => did("retire"),
      connections: async () => {
        await did("connections");
        return 0;
      },
      end: async () => {
        await did("end");
        this.die();
        return null;
      },
    });
  }

  readonly channelFd = -1;

  async hold(): Promise<void> {
    this.calls.push("hold");
  }

  release(): void {
    this.calls.push("release");
  }

  kill(): void {
    this.killed = true;
    this.die("SIGKILL");
  }

  die(signal: string | null = null): void {
    this.#conversation.close();
    this.#gone.resolve({ exitCode: signal === null ? 0 : null, signal });
  }
}
