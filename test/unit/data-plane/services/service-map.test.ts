import { describe, expect, test } from "bun:test";
import { ServiceMap } from "../../../../src/data-plane/services/service-map.ts";

const map = new ServiceMap([
  { value: "default", hosts: [""], pathPrefixes: ["/"] },
  { value: "app", hosts: ["example.com", "www.example.com"], pathPrefixes: ["/"] },
  { value: "api", hosts: ["example.com"], pathPrefixes: ["/api", "/v1/api"] },
  { value: "special", hosts: ["example.com"], pathPrefixes: ["/api/special"] },
  { value: "wildcard", hosts: ["*.example.com"], pathPrefixes: ["/"] },
  { value: "only-api", hosts: ["only.test"], pathPrefixes: ["/api"] },
]);

describe("ServiceMap", () => {
  test.each([
    ["example.com", "/", "app", "/"],
    ["example.com", "/random", "app", "/"],
    ["example.com", "/apiary", "app", "/"],
    ["example.com", "/api", "api", "/api"],
    ["example.com", "/api/", "api", "/api"],
    ["example.com", "/api/x", "api", "/api"],
    ["example.com", "/v1/api/x", "api", "/v1/api"],
    ["example.com", "/API", "app", "/"],
    ["example.com", "/api/special/x", "special", "/api/special"],
    ["www.example.com", "/api", "app", "/"],
    ["any.example.com", "/x", "wildcard", "/"],
    ["extra.level.example.com", "/x", "default", "/"],
    ["other.com", "/", "default", "/"],
    ["", "/", "default", "/"],
    ["only.test", "/api/x", "only-api", "/api"],
  ])("finds %s%s at %s", (host, path, value, prefix) => {
    expect(map.lookup(host, path)).toEqual({ value, prefix });
  });

  test("a listed host does not fall back to the default for its other paths", () => {
    expect(map.lookup("only.test", "/")).toBeUndefined();
    expect(map.lookup("only.test", "/apix")).toBeUndefined();
  });

  test("looks at no more of a path than the longest prefix has", () => {
    const deep = `/api${"/x".repeat(100_000)}`;
    expect(map.lookup("only.test", deep)).toEqual({ value: "only-api", prefix: "/api" });
    const began = performance.now();
    for (let count = 0; count < 1_000; count++) map.lookup("only.test", deep);
    // Each step of such a path would be a hundred thousand look-ups, and minutes.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test("finds nothing for an unknown host without a default", () => {
    const alone = new ServiceMap([{ value: 1, hosts: ["a.test"], pathPrefixes: ["/"] }]);
    expect(alone.lookup("b.test", "/")).toBeUndefined();
    expect(alone.lookup(".test", "/")).toBeUndefined();
  });
});
