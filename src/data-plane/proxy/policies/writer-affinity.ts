/** Where there are readers, a client that has written reads from the writers for a while. */
import { isReadRequest } from "../../services/read-request.ts";
import { applyWriterAffinity, readsFromWriter } from "../../services/writer-affinity.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const writerAffinity: PolicyFactory = (service, { clock }): Policy | null => {
  const { active, rollout } = service.snapshot;
  const hasReaders = [...active.targets, ...(rollout?.targets ?? [])].some(
    ({ readOnly }) => readOnly,
  );
  if (!hasReaders) return null;
  const { readTargetsAcceptWebsockets, writerAffinityTimeoutMs } = service.options;
  return {
    logName: null,
    chooseTarget(request, group, tried) {
      const { fields } = request.exchange.request;
      return group.hasReaders && readsFromWriter(fields, clock.wallMs())
        ? group.claim(false, tried)
        : undefined;
    },
    onResponse({ group, exchange }, { fields }) {
      const { method, upgrade } = exchange.request;
      const writes = !isReadRequest(method, upgrade, readTargetsAcceptWebsockets);
      if (writes && group.hasReaders && writerAffinityTimeoutMs > 0) {
        applyWriterAffinity(fields, clock.wallMs(), writerAffinityTimeoutMs);
      }
    },
  };
};
