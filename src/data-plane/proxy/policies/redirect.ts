/** Redirects to the scheme and host that the service wants; refuses TLS for services without it. */
import {
  redirectBody,
  redirectFields,
  redirectLocation,
  redirectStatus,
} from "../answers/redirects.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const redirect: PolicyFactory = (service, { answers, services }): Policy => ({
  logName: null,
  onRequest(request) {
    const { exchange } = request;
    // A service below a path follows the one at the root of the host that was asked for.
    const { tlsEnabled, tlsRedirect } = services.tlsPolicy(service, exchange.request.hostName);
    if (exchange.request.scheme === "https" && !tlsEnabled) {
      answers.page(request, "tls-disabled");
      return "answered";
    }
    const { canonicalHost } = service.options;
    const rules = { tlsEnabled, tlsRedirect, canonicalHost };
    const location = redirectLocation(exchange.request, rules);
    if (location === undefined) return "pass";
    const { method } = exchange.request;
    const body = Buffer.from(redirectBody(method, redirectStatus, location), "latin1");
    answers.respond(request, redirectStatus, redirectFields(method, location), body, true);
    return "answered";
  },
});
