import { describe, expect, test } from "bun:test";
import { parseRequestTarget } from "../../../../src/protocols/http/request-target.ts";

describe("parseRequestTarget", () => {
  test.each([
    ["/", "/", ""],
    ["/a/../b//c/./%2e%2e/x", "/a/../b//c/./%2e%2e/x", ""],
    ["/a?", "/a", "?"],
    ["/a?b=c?d&%zz;", "/a", "?b=c?d&%zz;"],
    ["//host/path", "//host/path", ""],
    ['/a|b{}^`"\\', '/a|b{}^`"\\', ""],
    ["/http://x/", "/http://x/", ""],
  ])("splits %s without changing a byte", (target, path, query) => {
    expect(parseRequestTarget(target, "GET")).toEqual({ path, query, authority: null });
  });

  test.each([
    ["http://h/a?b", "/a", "?b", "h"],
    ["HTTPS://H:8080/a", "/a", "", "H:8080"],
    ["http://h", "/", "", "h"],
    ["http://h?b", "/", "?b", "h"],
    ["http://[::1]:80/", "/", "", "[::1]:80"],
    ["http://h//a", "//a", "", "h"],
  ])("reads the absolute form %s", (target, path, query, authority) => {
    expect(parseRequestTarget(target, "GET")).toEqual({ path, query, authority });
  });

  test("knows the asterisk for OPTIONS only", () => {
    expect(parseRequestTarget("*", "OPTIONS")).toEqual({ path: "*", query: "", authority: null });
    expect(parseRequestTarget("*", "GET")).toBeUndefined();
    expect(parseRequestTarget("*a", "OPTIONS")).toBeUndefined();
  });

  test.each([
    "",
    "a",
    "a/b",
    "?a",
    "#a",
    "host:80",
    "example.com",
    "ftp://h/",
    "ws://h/",
    "http:/a",
    "http:a",
    "http:///a",
    "http://",
    "http://?a",
    "http://user@h/",
    "http://u:p@h/",
    "javascript:alert(1)",
    "\\a",
    "/a#b",
    "/a?b#c",
    "http://h/a#b",
    "%2fa",
  ])("refuses %j", (target) => {
    expect(parseRequestTarget(target, "GET")).toBeUndefined();
  });
});
