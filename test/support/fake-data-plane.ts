/** A data plane that serves nothing and keeps what it is told; drains end when a test says so. */
import type { ServiceMetrics } from "../../src/seam/service-metrics.ts";
import type { ServiceSnapshot, Snapshot } from "../../src/seam/snapshot.ts";
import type { DataPlaneSamples, ServedServices } from "../../src/seam/data-plane.ts";

export interface FakeDrain {
  targetIds: readonly string[];
  timeoutMs: number;
  /** Revision that was served when the drain began. */
  revision: number;
}

export class FakeDataPlane implements ServedServices {
  readonly snapshots: Snapshot[] = [];
  readonly drains: FakeDrain[] = [];
  currentSamples: DataPlaneSamples = { targets: {}, held: {} };
  currentMetrics: ServiceMetrics[] = [];
  /** What drains wait for; nothing by default. */
  drained: Promise<void> = Promise.resolve();

  async apply(snapshot: Snapshot): Promise<void> {
    // What crosses the seam has to survive being sent as JSON.
    this.snapshots.push(JSON.parse(JSON.stringify(snapshot)) as Snapshot);
  }

  async drain(targetIds: readonly string[], timeoutMs: number): Promise<void> {
    this.drains.push({ targetIds, timeoutMs, revision: this.current?.revision ?? 0 });
    await this.drained;
  }

  async samples(): Promise<DataPlaneSamples> {
    return this.currentSamples;
  }

  async metrics(): Promise<ServiceMetrics[]> {
    return this.currentMetrics;
  }

  get current(): Snapshot | undefined {
    return this.snapshots.at(-1);
  }

  service(name: string): ServiceSnapshot | undefined {
    return this.current?.services.find((service) => service.name === name);
  }

  /** Addresses of the active targets of a service. */
  targetsOf(name: string): string[] {
    return this.service(name)?.active.targets.map((target) => target.address) ?? [];
  }
}
