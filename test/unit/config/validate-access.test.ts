import { expect, test } from "bun:test";
import type { ServiceOptions } from "../../../src/config/options.ts";
import { accessFault } from "../../../src/config/validate-access.ts";
import { serviceOptions } from "../../support/service-options.ts";

const refinements: [Partial<ServiceOptions>, needed: string][] = [
  [{ rateLimitBurst: 5 }, "rate-limit"],
  [{ rateLimitPaths: ["/login"] }, "rate-limit"],
  [{ forwardAuthTimeoutMs: 1_000 }, "forward-auth"],
  [{ basicAuthExemptPaths: ["/hooks"] }, "basic-auth or basic-auth-file"],
  [{ basicAuthForward: true }, "basic-auth or basic-auth-file"],
  [{ basicAuthRealm: "Staging" }, "basic-auth or basic-auth-file"],
];

test.each(refinements)("%p protects nothing by itself", (options, needed) => {
  expect(accessFault(serviceOptions(options))).toBe(`${needed} must be set to refine it`);
});

test("settings of access are allowed beside what they refine", () => {
  const asks = { basicAuthFile: "/etc/htpasswd", basicAuthRealm: "Staging" };
  expect(accessFault(serviceOptions(asks))).toBeUndefined();
});
