/** A change of a target's health in the words of the journal. */
import type { GroupTarget } from "../health/target-group.ts";
import type { HealthState } from "../health/health-state.ts";
import type { NotedEvent } from "./event-journal.ts";

export function healthEvent(
  service: string,
  { address, state, lastError }: GroupTarget,
  was: HealthState,
): NotedEvent {
  const target = address.address;
  if (state === "healthy") {
    const text = was === "unhealthy" ? `${target} is healthy again` : `${target} is healthy`;
    return { kind: "health", outcome: "good", service, text };
  }
  const reason = lastError === null ? "" : `: it ${lastError}`;
  return { kind: "health", outcome: "bad", service, text: `${target} is ${state}${reason}` };
}
