/** --scope-cookie-paths: the cookies of an app below a path stay below it. */
import { scopeCookiePath } from "../cookie-scope.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const cookiePaths: PolicyFactory = (service): Policy | null => {
  const { active, rollout } = service.snapshot;
  const isOn =
    active.targetOptions.scopeCookiePaths || rollout?.targetOptions.scopeCookiePaths === true;
  return isOn && service.options.stripPrefix ? policy : null;
};

const policy: Policy = {
  logName: null,
  onResponse({ routed, target }, { fields }) {
    const prefix = routed.service.strippedPrefix(routed.matchedPrefix);
    if (prefix === "/" || !target.options.scopeCookiePaths) return;
    const { hostName } = routed.exchange.request;
    fields.mapValues("set-cookie", (value) => scopeCookiePath(value, prefix, hostName));
  },
};
