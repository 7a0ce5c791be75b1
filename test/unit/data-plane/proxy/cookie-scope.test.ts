import { describe, expect, test } from "bun:test";
import { scopeCookiePath } from "../../../../src/data-plane/proxy/cookie-scope.ts";

describe("scopeCookiePath", () => {
  // What kamal-proxy makes of the same values.
  test.each([
    ["session=abc", "/api", "example.com", "session=abc; Path=/api"],
    ["session=abc; Path=/", "/api", "example.com", "session=abc; Path=/api"],
    ["session=abc; Path=/admin/", "/api", "example.com", "session=abc; Path=/api/admin"],
    ["session=abc; path=x", "/a/b", "example.com", "session=abc; Path=/a/b/x"],
    [
      "session=abc; Path=/; Domain=example.com",
      "/api",
      "example.com",
      "session=abc; Path=/api; Domain=example.com",
    ],
    [
      "session=abc; Path=/; Domain=other.com",
      "/api",
      "example.com",
      "session=abc; Path=/; Domain=other.com",
    ],
    [
      "session=abc; Path=/; Domain=.example.com",
      "/api",
      "example.com",
      "session=abc; Path=/; Domain=.example.com",
    ],
    ["session=abc; Domain=my_app.test", "/api", "my_app.test", "session=abc; Path=/api"],
    ["session=abc; Domain=1.2.3.4", "/api", "1.2.3.4", "session=abc; Path=/api; Domain=1.2.3.4"],
    [
      "a=1; SameSite=Lax; Secure; HttpOnly; Max-Age=3600; Path=/x; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
      "/api",
      "example.com",
      "a=1; Path=/api/x; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
    ],
    [
      "a=1; expires=Wed, 21-Oct-2015 07:28:00 GMT",
      "/api",
      "example.com",
      "a=1; Path=/api; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
    ],
    [
      "a=1; Expires=Mon, 03 Feb 2015 00:00:00 PST",
      "/api",
      "example.com",
      "a=1; Path=/api; Expires=Tue, 03 Feb 2015 00:00:00 GMT",
    ],
    [
      "a=1; Expires=Mon, 03 Feb 2015 00:00:00 GMT+3",
      "/api",
      "example.com",
      "a=1; Path=/api; Expires=Tue, 03 Feb 2015 00:00:00 GMT",
    ],
    ["a=1; Expires=Mon, 01 Jan 1500 00:00:00 GMT", "/api", "example.com", "a=1; Path=/api"],
    ["a=1; Max-Age=0", "/api", "example.com", "a=1; Path=/api; Max-Age=0"],
    [
      "a=1; Max-Age=-5; samesite=NONE; Partitioned; Secure",
      "/api",
      "example.com",
      "a=1; Path=/api; Max-Age=0; Secure; SameSite=None; Partitioned",
    ],
    ['a="quoted value"; Path=/', "/api", "example.com", 'a="quoted value"; Path=/api'],
    ["a=b c,d", "/api", "example.com", 'a="b c,d"; Path=/api'],
    ["a=b=c; Path=/a//b/./../c", "/api", "example.com", "a=b=c; Path=/api/a/c"],
    ["a=1; Path=/../up", "/api", "example.com", "a=1; Path=/up"],
    ["a=1; Path=/a b", "/api", "example.com", "a=1; Path=/api/a%20b"],
    ["a=1; Path=/a%2Fb", "/api", "example.com", "a=1; Path=/api/a%2Fb"],
    ["a=1; Path=/a%zz", "/api", "example.com", "a=1; Path=/a%zz"],
    ["a=1; Path=/(x)|y%41", "/api", "example.com", "a=1; Path=/api/%28x%29%7CyA"],
    ["a=1; Path=/\u00e9", "/api", "example.com", "a=1; Path=/api"],
    ["a=1; SameSite=Odd;;", "/api", "example.com", "a=1; Path=/api"],
    ['{"a":1}', "/api", "example.com", '{"a":1}'],
    ["no-equals; Path=/", "/api", "example.com", "no-equals; Path=/"],
    ["bad name=1; Path=/", "/api", "example.com", "bad name=1; Path=/"],
    ['a=say "hi"; Path=/', "/api", "example.com", 'a=say "hi"; Path=/'],
    ["", "/api", "example.com", ""],
    ["a=; Path=/", "/with space", "example.com", "a=; Path=/with%20space"],
  ])("%j below %s on %s", (setCookie, prefix, hostName, expected) => {
    expect(scopeCookiePath(setCookie, prefix, hostName)).toBe(expected);
  });

  test("keeps attributes that it does not know, behind the others", () => {
    expect(scopeCookiePath("a=1; Priority=High; Path=/; Secure", "/api", "x.test")).toBe(
      "a=1; Path=/api; Secure; Priority=High",
    );
  });

  test("keeps a date or an age that it can't read, unless it has another", () => {
    const old = "Expires=Sunday, 06-Nov-94 08:49:37 GMT";
    expect(scopeCookiePath(`a=1; ${old}`, "/api", "x.test")).toBe(`a=1; Path=/api; ${old}`);
    expect(scopeCookiePath("a=1; Max-Age=soon; Max-Age=5", "/api", "x.test")).toBe(
      "a=1; Path=/api; Max-Age=5",
    );
  });

  test("a path that it can't read does not undo the new one", () => {
    expect(scopeCookiePath("a=1; Path =/x; Secure", "/api", "x.test")).toBe(
      "a=1; Path=/api; Secure",
    );
  });

  test("compares domains without case", () => {
    expect(scopeCookiePath("a=1; Domain=X.test", "/api", "x.test")).toBe(
      "a=1; Path=/api; Domain=X.test",
    );
  });

  test("has no effect at the root", () => {
    expect(scopeCookiePath("a=1; path=x", "/", "x.test")).toBe("a=1; path=x");
  });

  test("keeps exact ages beyond what a double can hold", () => {
    expect(scopeCookiePath("a=1; Max-Age=9007199254740993", "/api", "x.test")).toBe(
      "a=1; Path=/api; Max-Age=9007199254740993",
    );
  });
});
