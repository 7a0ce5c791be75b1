import { describe, expect, test } from "bun:test";
import { listenOn } from "../../../src/net/every-address.ts";

/** What was tried, and what came of it, where host names fail with these errors. */
function tried(bind: string, errors: Record<string, Error>): unknown[] {
  const names: unknown[] = [];
  try {
    const result = listenOn(bind, (hostname) => {
      names.push(hostname);
      if (errors[hostname] !== undefined) throw errors[hostname];
      return `listens on ${hostname}`;
    });
    return [...names, result];
  } catch (error) {
    return [...names, error];
  }
}

const inUse = Object.assign(new Error("in use"), { code: "EADDRINUSE" });
const denied = Object.assign(new Error("denied"), { code: "EACCES" });
const noFamily = Object.assign(new Error("no family"), { code: "EAFNOSUPPORT" });
const noCode = new Error("Failed to listen at ::");

describe("listenOn", () => {
  test("binds the address that is given, and no other", () => {
    expect(tried("10.0.0.1", {})).toEqual(["10.0.0.1", "listens on 10.0.0.1"]);
    expect(tried("::1", { "::1": noCode })).toEqual(["::1", noCode]);
  });

  test("takes IPv4 and IPv6 together when none is given", () => {
    expect(tried("", {})).toEqual(["::", "listens on ::"]);
  });

  test.each([noFamily, noCode])("does with IPv4 alone where there is no IPv6: %s", (error) => {
    expect(tried("", { "::": error })).toEqual(["::", "0.0.0.0", "listens on 0.0.0.0"]);
    expect(tried("", { "::": error, "0.0.0.0": inUse })).toEqual(["::", "0.0.0.0", inUse]);
  });

  test.each([inUse, denied])("does not go around a port that can't be had: %s", (error) => {
    expect(tried("", { "::": error })).toEqual(["::", error]);
  });
});
