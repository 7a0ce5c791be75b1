/**
 * The seam between the planes. Nothing but these calls and JSON-like values may cross it,
 * so that the data plane can move to other processes.
 */
import type { Snapshot } from "./snapshot.ts";

export interface DataPlane {
  /** Serves the snapshot from now on; the switch is atomic. Replaced targets take no new requests. */
  apply(snapshot: Snapshot): void;
  /**
   * Resolves when no request is under way on these targets. Tunnels are closed at once; what is
   * still under way after `timeoutMs` is cancelled (504, or a cut when the response had begun).
   * Unknown ids count as drained.
   */
  drain(targetIds: string[], timeoutMs: number): Promise<void>;
  samples(): DataPlaneSamples;
}

export interface DataPlaneSamples {
  /** By target id. */
  targets: Record<string, TargetSample>;
  /** Requests held by a pause, by service. */
  held: Record<string, number>;
}

export interface TargetSample {
  inFlight: number;
  served: number;
}
