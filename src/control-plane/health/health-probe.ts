/**
 * One health check: a GET, redirects followed, or a question of gRPC. Not `fetch`, which obeys HTTP_PROXY, rewrites paths and refuses
 * host names such as `web.1`.
 */
import { maxHealthCheckRedirects, upstreamConnectTimeoutMs } from "../../config/limits.ts";
import type { Clock } from "../../lib/clock.ts";
import { DeadlineQueue } from "../../lib/deadline-queue.ts";
import { messageOf } from "../../lib/error-text.ts";
import type { Connector } from "../../net/connector.ts";
import type { GrpcHealth } from "./grpc-health-answer.ts";
import { GrpcHealthRequest } from "./grpc-health-request.ts";
import { type HealthEndpoint, redirectedEndpoint } from "./health-endpoint.ts";
import { HealthRequest } from "./health-request.ts";

export type ProbeResult =
  | { healthy: true }
  /** `error` is for the log; `reason` follows the target's address in what the user sees. */
  | { healthy: false; error: string; reason: string };

/** Settles at once when the signal aborts: with its reason, unless the status or a redirect is known. */
export type Probe = (endpoint: HealthEndpoint, signal: AbortSignal) => Promise<ProbeResult>;

/** Of a location in messages: what the app answers may be long. */
const maxShownUrlLength = 200;
const redirects = new Set([301, 302, 303, 307, 308]);

export function probeThrough(connector: Connector, clock: Clock): Probe {
  const connecting = new DeadlineQueue(clock, upstreamConnectTimeoutMs);
  return async (endpoint, signal) => {
    if (endpoint.protocol === "grpc") {
      return grpcResult(await new GrpcHealthRequest(endpoint, signal).ask(connector, connecting));
    }
    let current = endpoint;
    /** The last redirect, which stands before whatever went wrong behind it. */
    let redirect = "";
    for (let hop = 0; hop <= maxHealthCheckRedirects; hop++) {
      const sent = new HealthRequest(current, signal).send(connector, connecting);
      // Running out of time behind a redirect is told here: only here it is known.
      const answer = await (redirect === "" ? sent : sent.catch(messageOf));
      if (typeof answer === "string") return failed(redirect + answer);
      const { status, location } = answer;
      if (status >= 200 && status <= 299) return { healthy: true };
      if (!redirects.has(status) || location === null) {
        return {
          healthy: false,
          error: `${redirect}unexpected status (${status})`,
          reason: `${redirect}answered ${status} on ${current.path}`,
        };
      }
      const next = redirectedEndpoint(current, location);
      if ("error" in next) return failed(`${redirect}${status}: ${next.error}`);
      current = next.endpoint;
      redirect = `${status} to ${current.url.slice(0, maxShownUrlLength)}: `;
    }
    return failed(`${redirect}stopped after ${maxHealthCheckRedirects} redirects`);
  };
}

function grpcResult(health: GrpcHealth): ProbeResult {
  if (typeof health === "string") return failed(health);
  if (health.grpcStatus !== "0") return failed(`answered grpc-status ${health.grpcStatus}`);
  return health.serving ? { healthy: true } : failed("answered that it is not serving");
}

function failed(reason: string): ProbeResult {
  return { healthy: false, error: reason, reason };
}
