import { describe, expect, test } from "bun:test";
import type { ServiceOptions } from "../../../src/config/options.ts";
import { normalizeServiceOptions } from "../../../src/config/validate-options.ts";
import { effectiveOptions, findConflict } from "../../../src/control-plane/root-service.ts";
import { serviceOptions } from "../../support/service-options.ts";

function options(changes: Partial<ServiceOptions>): ServiceOptions {
  return normalizeServiceOptions(serviceOptions(changes));
}

describe("host conflicts", () => {
  const taken = [
    { name: "api", options: options({ hosts: ["B.example.com."], pathPrefixes: ["/api/", "x"] }) },
    { name: "rest", options: options({}) },
  ];

  test.each([
    [{ hosts: ["b.EXAMPLE.com"], pathPrefixes: ["api"] }, "api"],
    [{ hosts: ["a.example.com", "b.example.com"], pathPrefixes: ["/y", "/x"] }, "api"],
    [{ hosts: ["b.example.com"] }, undefined],
    [{ hosts: ["b.example.com"], pathPrefixes: ["/API"] }, undefined],
    [{ hosts: ["a.example.com"] }, undefined],
    [{ hosts: [""] }, "rest"],
    [{}, "rest"],
  ])("%j conflicts with %p", (changes, conflict) => {
    expect(findConflict(taken, "new", options(changes))).toBe(conflict as string);
  });

  test("a service does not conflict with itself", () => {
    expect(findConflict(taken, "rest", options({}))).toBeUndefined();
  });
});

describe("TLS settings below a path", () => {
  const tls = (hosts: string[], changes: Partial<ServiceOptions> = {}) => ({
    name: hosts.join(),
    options: options({ hosts, tlsEnabled: true, tlsRedirect: false, ...changes }),
  });
  const below = options({ hosts: ["a.example.com"], pathPrefixes: ["/api"] });

  test("they are those of the root of the first host", () => {
    const effective = effectiveOptions(below, [tls(["a.example.com"])]);
    expect(effective).toEqual({ ...below, tlsEnabled: true, tlsRedirect: false });
  });

  test("a wildcard or any host serves as root when the host has no service at all", () => {
    expect(effectiveOptions(below, [tls(["*.example.com"])]).tlsEnabled).toBe(true);
    expect(effectiveOptions(below, [tls([""])]).tlsEnabled).toBe(true);
    const services = [{ name: "below", options: below }, tls(["*.example.com"])];
    expect(effectiveOptions(below, services).tlsEnabled).toBe(false);
  });

  test("a service at a root keeps its own", () => {
    const root = options({ hosts: ["a.example.com"], tlsRedirect: false });
    expect(effectiveOptions(root, [tls(["a.example.com"])])).toBe(root);
  });
});
