/** What one health check makes of a target's state. */

export type HealthState = "adding" | "healthy" | "unhealthy";

/** A target that was never healthy stays `adding`: it was not taken out, it never was in. */
export function nextHealthState(state: HealthState, passed: boolean): HealthState {
  if (passed) return "healthy";
  return state === "healthy" ? "unhealthy" : state;
}
