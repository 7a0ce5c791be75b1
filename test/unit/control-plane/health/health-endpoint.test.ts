import { describe, expect, test } from "bun:test";
import type { HealthCheckOptions } from "../../../../src/config/options.ts";
import { parseTarget } from "../../../../src/config/target-address.ts";
import {
  type HealthEndpoint,
  healthEndpoint,
  redirectedEndpoint,
} from "../../../../src/control-plane/health/health-endpoint.ts";
import { targetOptions } from "../../../support/service-options.ts";

function endpoint(address: string, changes: Partial<HealthCheckOptions> = {}): HealthEndpoint {
  const target = parseTarget(address);
  if (target === undefined) throw new Error(address);
  return healthEndpoint(target, { ...targetOptions().healthCheck, ...changes });
}

describe("health endpoint", () => {
  test("a target is asked at its own address", () => {
    expect(endpoint("web:3000")).toMatchObject({
      host: "web",
      port: 3000,
      hostField: "web:3000",
      url: "http://web:3000/up",
    });
    expect(endpoint("web")).toMatchObject({ port: 80, hostField: "web", url: "http://web/up" });
  });

  test("port and host of the check replace those of the target", () => {
    const own = endpoint("web:3000", { port: 9000, host: "app.example.com" });
    expect(own).toMatchObject({ port: 9000, hostField: "app.example.com" });
    expect(own.url).toBe("http://web:9000/up");
    expect(endpoint("web:3000", { port: 9000 }).hostField).toBe("web:9000");
  });

  test.each([
    ["up", "/up"],
    ["", "/"],
    ["/up?x=1&y=a b", "/up%3Fx=1&y=a%20b"],
    ["/a%2Fb%zz", "/a%2Fb%25zz"],
    ["/ä#b", "/%C3%A4%23b"],
    ["/a\r\nb", "/a%0D%0Ab"],
  ])("path %j is asked as %j", (path, escaped) => {
    expect(endpoint("web", { path }).path).toBe(escaped);
  });
});

describe("redirected health check", () => {
  function location(from: HealthEndpoint, to: string): HealthEndpoint {
    const redirection = redirectedEndpoint(from, to);
    if ("error" in redirection) throw new Error(redirection.error);
    return redirection.endpoint;
  }

  test("a relative location stays at the target with its Host field", () => {
    const from = endpoint("web.1:3000", { host: "app.example.com", path: "/a/up" });
    expect(location(from, "/x?y=1")).toMatchObject({
      host: "web.1",
      port: 3000,
      path: "/x?y=1",
      hostField: "app.example.com",
    });
    expect(location(from, "next").path).toBe("/a/next");
  });

  test("an absolute location is followed where it leads", () => {
    const from = endpoint("web:3000", { host: "app.example.com" });
    expect(location(from, "https://other.example.com/up")).toMatchObject({
      secure: true,
      host: "other.example.com",
      port: 443,
      hostField: "other.example.com",
    });
    expect(location(from, "//other:81/")).toMatchObject({
      secure: false,
      port: 81,
      hostField: "other:81",
    });
  });

  test("locations that lead nowhere are errors", () => {
    const from = endpoint("web:3000");
    expect(redirectedEndpoint(from, "ftp://x/")).toEqual({
      error: 'redirected to unsupported scheme "ftp"',
    });
    expect(redirectedEndpoint(from, "http://")).toEqual({
      error: "redirected to an invalid location",
    });
  });
});
