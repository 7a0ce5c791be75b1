/** Tells a waiting client what its command waits for: healthy targets, then requests under way. */
import { progressIntervalMs } from "../../config/limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { ServedServices } from "../../seam/data-plane.ts";
import type { Progress } from "./protocol.ts";
import type { TargetGroup } from "../health/target-group.ts";

export type Report = (progress: Progress) => void;

/** Reports at once and after each health check that leaves targets to wait for. */
export async function waitForHealth(
  group: TargetGroup,
  timeoutMs: number,
  signal: AbortSignal,
  clock: Clock,
  report: Report | undefined,
): Promise<void> {
  const deadline = clock.runningMs() + Math.max(0, timeoutMs);
  const tell = () => {
    const targets = group.targets
      .filter(({ state }) => state !== "healthy")
      .map(({ address, lastError }) => ({ target: address.address, last_error: lastError }));
    const remaining_ms = Math.max(0, deadline - clock.runningMs());
    if (targets.length > 0) report?.({ waiting_for: "health", targets, remaining_ms });
  };
  if (!group.allHealthy) tell();
  await group.waitUntilHealthy(timeoutMs, signal, tell);
}

/** Reports at intervals as long as requests are under way. */
export async function waitForDrain(
  targetIds: readonly string[],
  timeoutMs: number,
  { dataPlane, clock }: { dataPlane: ServedServices; clock: Clock },
  report: Report | undefined,
): Promise<void> {
  const drained = dataPlane.drain(targetIds, Math.max(0, timeoutMs));
  if (report === undefined) return drained;
  const deadline = clock.runningMs() + Math.max(0, timeoutMs);
  let timer: Timer | null = null;
  let over = false;
  const tell = async () => {
    const { targets } = await dataPlane.samples();
    if (over) return;
    const requests = targetIds.reduce((sum, id) => sum + (targets[id]?.inFlight ?? 0), 0);
    const remaining_ms = Math.max(0, deadline - clock.runningMs());
    if (requests > 0) report({ waiting_for: "drain", requests, remaining_ms });
    timer = clock.after(progressIntervalMs, () => void tell());
  };
  void tell();
  try {
    await drained;
  } finally {
    over = true;
    (timer as Timer | null)?.cancel();
  }
}
