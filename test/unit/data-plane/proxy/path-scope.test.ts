import { describe, expect, test } from "bun:test";
import { PathScope } from "../../../../src/data-plane/proxy/policies/path-scope.ts";
import type { RoutedRequest } from "../../../../src/data-plane/proxy/request-stages.ts";
import { percentDecode } from "../../../../src/protocols/http/percent-encoding.ts";

const rules = new PathScope(["/login", "/caf\u00e9/", "/a/b"]);
const asked = (path: string) =>
  ({ decodedPath: percentDecode(path) ?? path, exchange: { request: { path } } }) as RoutedRequest;

describe("PathScope", () => {
  test.each([
    "/login",
    "/login/",
    "/login/now",
    "/log%69n",
    "/caf%C3%A9",
    "/a/b/c",
    "/login/.well",
  ])("%s is meant for certain", (path) => {
    expect([rules.surelyMeans(asked(path)), rules.mayMean(asked(path))]).toEqual([true, true]);
  });

  test.each([
    "/LOGIN",
    "//login",
    "/./login",
    "/x/../login",
    "/%2e%2e/login",
    "/x/%2E%2E/login",
    "/login;jsessionid=1",
    "/login;/now",
    "/;x/login",
    "/%6cogin%00",
    "/%256cogin",
    "/login%2f..%2fadmin",
    "/login/../admin",
    "/login/..;/admin",
    "/login//now",
    "/login/%2e%2e/admin",
    "/login/%252e%252e/admin",
    "/login/now%2Fthen",
    "/login/now%5Cthen",
    "/x\\..\\login",
    "/%5clogin",
    "/a//b",
    "/A/./b",
  ])("%s may be meant: a rule that restricts holds, one that lets pass does not", (path) => {
    expect([rules.surelyMeans(asked(path)), rules.mayMean(asked(path))]).toEqual([false, true]);
  });

  test.each(["/", "/loginx", "/x/login", "/log", "/a", "/a/bc", "/x/../y", "/%zz/login", ""])(
    "%j is not meant",
    (path) => {
      expect([rules.surelyMeans(asked(path)), rules.mayMean(asked(path))]).toEqual([false, false]);
    },
  );

  test("of the root concern everything", () => {
    const all = new PathScope(["/"]);
    expect(["/", "/a", "//", "/a/../b"].map((path) => all.mayMean(asked(path)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(all.surelyMeans(asked("/a"))).toBe(true);
  });
});
