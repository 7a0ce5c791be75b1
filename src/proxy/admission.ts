/** Whether a request may go on now: pause, stop, and the health check that is answered meanwhile. */
import type { HoldOutcome, PauseGate } from "../services/pause-gate.ts";
import type { Exchange } from "./exchange.ts";

export type AdmissionOutcome =
  "admitted" | "stopped" | "expired" | "full" | "removed" | "client-gone";

/** Held requests wait here, in order of arrival; one whose client leaves frees its place. */
export function admit(
  gate: PauseGate,
  exchange: Exchange,
): AdmissionOutcome | Promise<AdmissionOutcome> {
  const entered = gate.enter();
  if (entered === "open") return "admitted";
  if (typeof entered === "string") return entered;
  const { promise, resolve } = Promise.withResolvers<AdmissionOutcome>();
  entered.onOutcome = (outcome: HoldOutcome): void => {
    exchange.onAbort = null;
    resolve(outcome === "released" ? "admitted" : outcome);
  };
  exchange.onAbort = (): void => {
    entered.leave();
    resolve("client-gone");
  };
  return promise;
}
