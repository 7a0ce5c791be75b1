/** --www: of a name with and without `www.`, both hosts of the service, one leads to the other. */
import { wwwRedirects } from "../../../config/www-hosts.ts";
import {
  redirectBody,
  redirectFields,
  redirectLocation,
  redirectStatus,
} from "../answers/redirects.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const www: PolicyFactory = (service, { answers, services }): Policy | null => {
  const { hosts, www: direction } = service.options;
  const wanted = wwwRedirects(hosts, direction);
  if (wanted.size === 0) return null;
  return {
    logName: "www",
    onRequest(request) {
      const { request: asked } = request.exchange;
      const canonicalHost = wanted.get(asked.hostName);
      if (canonicalHost === undefined) return "pass";
      const rules = { ...services.tlsPolicy(service, asked.hostName), canonicalHost };
      const location = redirectLocation(asked, rules);
      if (location === undefined) return "pass";
      const body = Buffer.from(redirectBody(asked.method, redirectStatus, location), "latin1");
      answers.respond(request, redirectStatus, redirectFields(asked.method, location), body);
      return "answered";
    },
  };
};
