/** --path-timeout and --request-timeout: how long a target, and a request in total, may take. */
import { parsePathTimeout } from "../../../config/path-timeout.ts";
import { isBelow } from "./path-scope.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const timeouts: PolicyFactory = ({ options }, { clock }): Policy | null => {
  const { requestTimeoutMs } = options;
  const paths = options.pathTimeouts
    .map(parsePathTimeout)
    .toSorted((one, other) => other.path.length - one.path.length);
  if (requestTimeoutMs === 0 && paths.length === 0) return null;
  return {
    logName: null,
    onOutgoing(delivered) {
      const { received, decodedPath } = delivered.routed;
      const found = paths.find(({ path }) => isBelow(decodedPath, path));
      if (found !== undefined) delivered.responseTimeoutMs = found.timeoutMs;
      if (requestTimeoutMs > 0) {
        const takenMs = clock.now() - received.startedMs;
        delivered.timeLeftMs = Math.max(1, requestTimeoutMs - takenMs);
      }
    },
  };
};
