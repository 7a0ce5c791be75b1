/** --hsts: browsers are told to come by HTTPS alone (RFC 6797); only where they did (7.2). */
import { hstsValue } from "../../../config/hsts-value.ts";
import type { Policy, PolicyFactory } from "./policy.ts";

export const hsts: PolicyFactory = ({ options }): Policy | null => {
  if (options.hsts === "") return null;
  const value = hstsValue(options.hsts);
  return {
    logName: null,
    onResponse({ exchange }, { fields }) {
      if (exchange.request.scheme !== "https") return;
      fields.set("Strict-Transport-Security", value, "strict-transport-security");
    },
  };
};
