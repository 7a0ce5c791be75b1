/**
 * The order in which things happen to a request: start reading here. `pipeline` finds its service and hands it
 * from phase to phase; each answers it or lets it pass. Behind the last one come `onEnd` of the policies, the
 * log line and the metrics, whatever happened.
 */
import { acmeChallenge } from "./policies/acme-challenge.ts";
import { appSettings } from "./policies/app-settings.ts";
import { basicAuth } from "./policies/basic-auth.ts";
import { clientCertificates } from "./policies/client-certificates.ts";
import { compression } from "./policies/compression.ts";
import { cookiePaths } from "./policies/cookie-paths.ts";
import { forwardAuth } from "./policies/forward-auth.ts";
import { ejection } from "./policies/ejection.ts";
import { sessionAffinity } from "./policies/session-affinity.ts";
import { timeouts } from "./policies/timeouts.ts";
import { headerRules } from "./policies/header-rules.ts";
import { hsts } from "./policies/hsts.ts";
import { redirectRules, rewriteRules } from "./policies/path-rules.ts";
import type { PolicyFactory } from "./policies/policy.ts";
import { ipRules } from "./policies/ip-rules.ts";
import { rateLimit } from "./policies/rate-limit.ts";
import { publishedHealth } from "./policies/published-health.ts";
import { maxInFlight } from "./policies/max-in-flight.ts";
import { tracedPolicies, traceContext } from "./policies/trace-context.ts";
import { userAgents } from "./policies/user-agents.ts";
import { redirect } from "./policies/redirect.ts";
import type { ServicePolicies } from "./policies/service-policies.ts";
import { www } from "./policies/www.ts";
import { writerAffinity } from "./policies/writer-affinity.ts";
import type { RoutedRequest } from "./request-stages.ts";

/** Requests meet them in this order, responses from the last to the first. */
export const policies: readonly PolicyFactory[] = [
  traceContext,
  acmeChallenge,
  appSettings,
  ipRules,
  userAgents,
  rateLimit,
  publishedHealth,
  redirect,
  clientCertificates,
  www,
  redirectRules,
  basicAuth,
  forwardAuth,
  maxInFlight,
  rewriteRules,
  writerAffinity,
  sessionAffinity,
  timeouts,
  ejection,
  compression,
  headerRules,
  hsts,
  cookiePaths,
  tracedPolicies,
];

export const phases = [
  /** `onRequest` of the policies. */
  "policies",
  /** A pause holds the request, a stop refuses it. */
  "admission",
  /** The body is collected where requests are buffered. */
  "collection",
  /** A target is chosen (rollout, `chooseTarget`), gets the request (`onOutgoing`), and its response goes back. */
  "delivery",
] as const;

/** "again": time has passed, in which a deploy, a pause or a stop may have come. */
const repeatedFrom = phases.indexOf("admission");

export type PhaseOutcome = "next" | "again" | "answered";

export interface Phase {
  run(request: RoutedRequest, policies: ServicePolicies): PhaseOutcome | Promise<PhaseOutcome>;
}

export type Phases = Readonly<Record<(typeof phases)[number], Phase>>;

/** As `phases` names them. */
export function inOrder(parts: Phases): readonly Phase[] {
  return phases.map((name) => parts[name]);
}

/**
 * Resolves when the request is answered. Nothing is awaited on the common path: body bytes that came with the
 * head would wait in a copy.
 */
export async function runPhases(
  ordered: readonly Phase[],
  request: RoutedRequest,
  servicePolicies: ServicePolicies,
): Promise<void> {
  for (let index = 0; index < ordered.length;) {
    const result = ordered[index]!.run(request, servicePolicies);
    const outcome = typeof result === "string" ? result : await result;
    if (outcome === "answered") return;
    index = outcome === "again" ? repeatedFrom : index + 1;
  }
}
