import { describe, expect, test } from "bun:test";
import type { ServiceOptions } from "../../../src/config/options.ts";
import { normalizeServiceOptions } from "../../../src/config/validate-options.ts";
import {
  type Conflict,
  type NamedOptions,
  RouteIndex,
} from "../../../src/control-plane/route-index.ts";
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
    [
      { hosts: ["b.EXAMPLE.com"], pathPrefixes: ["api"] },
      { service: "api", host: "b.example.com", path: "/api" },
    ],
    [
      { hosts: ["a.example.com", "b.example.com"], pathPrefixes: ["/y", "/x"] },
      { service: "api", host: "b.example.com", path: "/x" },
    ],
    [{ hosts: ["b.example.com"] }, undefined],
    [{ hosts: ["b.example.com"], pathPrefixes: ["/API"] }, undefined],
    [{ hosts: ["a.example.com"] }, undefined],
    [{ hosts: [""] }, { service: "rest", host: "", path: "/" }],
    [{}, { service: "rest", host: "", path: "/" }],
  ])("%j conflicts with %j", (changes, conflict) => {
    expect(new RouteIndex(taken).conflict("new", options(changes))).toEqual(conflict as Conflict);
  });

  test("a service does not conflict with itself", () => {
    expect(new RouteIndex(taken).conflict("rest", options({}))).toBeUndefined();
  });
});

describe("TLS settings below a path", () => {
  const tls = (hosts: string[], changes: Partial<ServiceOptions> = {}) => ({
    name: hosts.join(),
    options: options({ hosts, tlsEnabled: true, tlsRedirect: false, ...changes }),
  });
  const tlsOf = (own: ServiceOptions, services: NamedOptions[]) =>
    new RouteIndex(services).tlsOf(own);
  const below = options({ hosts: ["a.example.com"], pathPrefixes: ["/api"] });

  test("they are those of the root of the first host", () => {
    expect(tlsOf(below, [tls(["a.example.com"])])).toEqual({
      tlsEnabled: true,
      tlsRedirect: false,
    });
  });

  test("a wildcard or any host serves as root when the host has no service at all", () => {
    expect(tlsOf(below, [tls(["*.example.com"])]).tlsEnabled).toBe(true);
    expect(tlsOf(below, [tls([""])]).tlsEnabled).toBe(true);
    const services = [{ name: "below", options: below }, tls(["*.example.com"])];
    expect(tlsOf(below, services).tlsEnabled).toBe(false);
  });

  test("a service at a root keeps its own", () => {
    const root = options({ hosts: ["a.example.com"], tlsRedirect: false });
    expect(tlsOf(root, [tls(["a.example.com"])])).toBe(root);
  });
});
