import { describe, expect, test } from "bun:test";
import {
  addedHeaderFault,
  headerRuleFault,
  parseHeaderRule,
} from "../../../src/config/header-rule.ts";
import { hstsFault, hstsValue } from "../../../src/config/hsts-value.ts";
import {
  destinationOf,
  parsePathRule,
  redirectRuleFault,
  rewriteRuleFault,
} from "../../../src/config/path-rule.ts";
import { validateServiceOptions } from "../../../src/config/validate-options.ts";
import { wwwRedirects } from "../../../src/config/www-hosts.ts";
import { serviceOptions } from "../../support/service-options.ts";

describe("header rules", () => {
  test("name variables, and a dollar sign by two", () => {
    expect(parseHeaderRule("X-From:  $client_ip costs $$5 ")).toEqual({
      name: "X-From",
      value: [{ variable: "client_ip" }, " costs ", "$", "5"],
    });
  });

  test.each([
    ['X-Own: a, b; c="d"', undefined],
    ["X-Empty:", undefined],
    ["X-Own", "must be NAME: VALUE"],
    [": a", "must be the name of a field"],
    ["X Own: a", "must be the name of a field"],
    ["X-Own: a\r\nX-Other: b", "control characters"],
    ["X-Own: a\nb", "control characters"],
    ["X-Own: a\0", "control characters"],
    ["X-Own\r\n: a", undefined],
    ["X-\r\nOwn: a", "must be the name of a field"],
    ["Content-Length: 5", "can't be changed"],
    ["Transfer_Encoding: chunked", "can't be changed"],
    ["connection: close", "can't be changed"],
    ["Upgrade: h2c", "can't be changed"],
    ["TE: trailers", "can't be changed"],
    ["X-Own: $nobody", "must name one of $host"],
    ["X-Own: $", "must name one of $host"],
  ])("%j has the fault %p", (rule, fault) => {
    if (fault === undefined) expect(headerRuleFault(rule)).toBeUndefined();
    else expect(headerRuleFault(rule)).toContain(fault);
  });

  test("set the host, and never add a second one", () => {
    expect(headerRuleFault("Host: app.internal")).toBeUndefined();
    expect(addedHeaderFault("Host: app.internal")).toBe("host can only be set");
  });
});

describe("path rules", () => {
  test.each([
    ["/old /new", "/old", "/new"],
    ["/old/* /new/*", "/old/a/b", "/new/a/b"],
    ["/old* /new", "/older", "/new"],
    ["~^/posts/(\\d+)-(.*)$ /p/$1?name=$2", "/posts/7-x", "/p/7?name=x"],
    // Two slashes at its beginning would be a host.
    ["/go/* /*", "/go//evil.test", "/evil.test"],
    ["~^/go(.*)$ /$1", "/go///evil.test", "/evil.test"],
  ])("%s makes %s %s", (text, path, expected) => {
    const rule = parsePathRule(text);
    const textOf = ([start, end]: readonly [number, number]) => path.slice(start, end);
    expect(destinationOf(rule, rule.match(path)!, textOf)).toBe(expected);
    expect(rule.match("/else")).toBeNull();
  });

  test.each([
    ["/a", "must be FROM TO"],
    ["/a /b 200", "must have one of the statuses"],
    ["a /b", "must begin with a path"],
    ["/a/*/b /c", "* at the end of FROM only"],
    ["/a?x /b", "without a query"],
    ["/a b", "must lead to a path or to http"],
    ["/a javascript:alert(1)", "must lead to a path or to http"],
    ["/* https://app.test*", "must lead to a path or to http"],
    ["/* https://$1.test/", "must lead to a path or to http"],
    ["/a /b*", "has * in TO"],
    ["~^/(a)$ /$2", "has $2 in TO"],
    ["~(a)\\1 /b", "the pattern has the escape"],
    ["~(?=a) /b", "the pattern looks around"],
    ["/a /b\u0001", "what a URI may hold"],
  ])("%j is refused: %s", (text, fault) => {
    expect(redirectRuleFault(text)).toContain(fault);
  });

  test("rewrite to paths alone", () => {
    expect(rewriteRuleFault("/a /b")).toBeUndefined();
    expect(rewriteRuleFault("/a https://app.test/b")).toBe("must lead to a path");
    expect(rewriteRuleFault("/a /b 301")).toBe("must be FROM TO");
  });

  test.each([
    [["/a /a"], "/a /a"],
    [["/a/* /a/b/*"], "/a/* /a/b/*"],
    [["/a /b", "/b /a"], "/a /b"],
    [["~^/a /ab"], "~^/a /ab"],
    [["/a /%61"], "/a /%61"],
    [["/* https://www.app.test/*"], "/* https://www.app.test/*"],
    [["/a /b", "/b /c"], undefined],
    [["/* https://other.test/*"], undefined],
  ])("%j leads to itself by %p", (redirects, rule) => {
    const fault = validateServiceOptions(serviceOptions({ hosts: ["www.app.test"], redirects }));
    if (rule === undefined) expect(fault).toBeUndefined();
    else expect(fault).toBe(`service options invalid: --redirect "${rule}" leads to itself`);
  });
});

describe("--www", () => {
  const hosts = ["app.test", "www.app.test", "www.shop.test", "shop.test", "www.alone.test", ""];

  test("leads from a host of the service to another of it", () => {
    const strip = { "www.app.test": "app.test", "www.shop.test": "shop.test" };
    const add = { "app.test": "www.app.test", "shop.test": "www.shop.test" };
    expect(Object.fromEntries(wwwRedirects(hosts, "strip"))).toEqual(strip);
    expect(Object.fromEntries(wwwRedirects(hosts, "add"))).toEqual(add);
    expect(Object.fromEntries(wwwRedirects(hosts, "redirect"))).toEqual({
      "www.app.test": "app.test",
      "shop.test": "www.shop.test",
    });
    expect(wwwRedirects(hosts, "none").size).toBe(0);
  });

  test("is refused without both names", () => {
    const options = serviceOptions({ hosts: ["app.test"], www: "add" });
    expect(validateServiceOptions(options)).toContain("--www add needs a name among the hosts");
  });

  test.each([
    ["strip", "WWW.app.test", true],
    ["strip", "app.test", false],
    ["add", "app.test", true],
    ["add", "www.app.test", false],
    ["redirect", "www.app.test", true],
    ["redirect", "app.test", false],
  ] as const)("%s with the canonical host %s: a loop is %p", (www, canonicalHost, isLoop) => {
    const both = { hosts: ["app.test", "www.app.test"], www, canonicalHost };
    const fault = validateServiceOptions(serviceOptions(both));
    const text = `service options invalid: --www ${www} leads away from --canonical-host ${canonicalHost}, which leads back`;
    expect(fault).toBe(isLoop ? text : undefined);
  });
});

test.each([
  ["1y", "max-age=31536000"],
  ["180d;includeSubDomains", "max-age=15552000; includeSubDomains"],
  ["2y; includeSubDomains; preload", "max-age=63072000; includeSubDomains; preload"],
  ["0", "max-age=0"],
])("--hsts %s is %s", (text, value) => {
  expect(hstsFault(text)).toBeUndefined();
  expect(hstsValue(text)).toBe(value);
});

test.each([
  "y",
  "1x",
  "1y;evil",
  "1y;preload",
  "1y;includeSubDomains;includeSubDomains",
  "1y\r\nX: y",
])("--hsts %j is refused", (text) => {
  expect(hstsFault(text)).toBeDefined();
});
