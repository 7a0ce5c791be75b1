/** Cookies that the response of a target gets, or has changed, on its way to the client. */
import type { Fields } from "../../protocols/http/fields.ts";
import type { Clock } from "../../lib/clock.ts";
import type { LoadBalancer } from "../services/load-balancer.ts";
import { isReadRequest } from "../services/read-request.ts";
import type { Service } from "../services/service.ts";
import type { Target } from "../services/target.ts";
import { applyWriterAffinity } from "../services/writer-affinity.ts";
import type { Transport } from "../upstream/transport.ts";
import { scopeCookiePath } from "./cookie-scope.ts";
import type { RequestContext } from "./request-context.ts";

/** Null for the common case: the response goes on as it is. */
export function responseRewriter(
  context: RequestContext,
  service: Service<Transport>,
  target: Target<Transport>,
  balancer: LoadBalancer<Transport>,
  clock: Clock,
): ((fields: Fields) => void) | null {
  const { request } = context.exchange;
  const { readTargetsAcceptWebsockets, writerAffinityTimeoutMs } = service.options;
  const writes = !isReadRequest(request.method, request.upgrade, readTargetsAcceptWebsockets);
  const setsAffinity = writes && balancer.hasReaders && writerAffinityTimeoutMs > 0;
  const prefix = service.strippedPrefix(context.matchedPrefix);
  const scopesCookies = target.options.scopeCookiePaths && prefix !== "/";
  if (!setsAffinity && !scopesCookies) return null;
  return (fields) => {
    if (scopesCookies) {
      for (let i = 0; i < fields.count; i++) {
        if (fields.keys[i] !== "set-cookie") continue;
        fields.values[i] = scopeCookiePath(fields.values[i]!, prefix, request.hostName);
      }
    }
    if (setsAffinity) {
      applyWriterAffinity(fields, clock.wallMs(), writerAffinityTimeoutMs);
    }
  };
}
