/**
 * --eject-after: a target that has failed so many requests in a row gets none for a while, twice as long each
 * time until it has answered one. Another target has to be there. Each worker judges by what it has seen.
 */
import { maxEjectionMs } from "../../../config/limits.ts";
import type { ExchangeError } from "../../../protocols/http/exchange-error.ts";
import type { Target } from "../../services/target.ts";
import type { DeliveredRequest } from "../request-stages.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

interface Record {
  failures: number;
  ejections: number;
}

export const ejection: PolicyFactory = (service, { logger, countEvent }): Policy | null => {
  const { ejectAfter, ejectForMs } = service.options;
  if (ejectAfter === 0 || ejectForMs === 0) return null;
  const records = new WeakMap<Target, Record>();
  return {
    logName: null,
    onAttempt(request, error) {
      const failed = isFailure(request, error);
      if (failed === null) return;
      const { target, group } = request;
      const record = records.get(target);
      if (!failed) {
        if (record !== undefined) records.delete(target);
        return;
      }
      const { failures, ejections } = record ?? { failures: 0, ejections: 0 };
      if (failures + 1 < ejectAfter || target.ejectedForMs > 0 || !group.hasOther(target)) {
        records.set(target, { failures: failures + 1, ejections });
        return;
      }
      const forMs = Math.min(maxEjectionMs, ejectForMs * 2 ** ejections);
      target.eject(forMs);
      countEvent(service.name, "ejection");
      // The first failure behind its time takes it out again.
      records.set(target, { failures: ejectAfter - 1, ejections: ejections + 1 });
      logger.warn("Target gets no requests for a while", {
        service: service.name,
        target: target.address,
        seconds: forMs / 1_000,
        error: error?.message ?? `it answered ${request.targetStatus}`,
      });
    },
  };
};

/** Null: nobody can tell. */
function isFailure(
  { targetStatus }: DeliveredRequest,
  error: ExchangeError | null,
): boolean | null {
  if (targetStatus >= 502 && targetStatus <= 504) return true;
  switch (error?.code) {
    case undefined:
      return false;
    case "connect-failed":
    case "connect-timeout":
    case "connection-lost":
    case "response-timeout":
    case "malformed-response":
      return true;
    default:
      return null;
  }
}
