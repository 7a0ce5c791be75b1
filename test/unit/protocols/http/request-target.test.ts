import { describe, expect, test } from "bun:test";
import {
  decodePath,
  escapeRawBytes,
  parseRequestTarget,
} from "../../../../src/protocols/http/request-target.ts";

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

test("decodePath decodes escapes, and refuses broken ones", () => {
  expect(decodePath("/%61%2Fb%ff")).toBe("/a/b\xff");
  expect(decodePath("/plain+")).toBe("/plain+");
  for (const path of ["/%", "/%1", "/%zz", "/%%41", "/a%2"]) {
    expect(decodePath(path)).toBeUndefined();
  }
});

test("escapeRawBytes encodes what a URI may not hold and nothing else", () => {
  expect(escapeRawBytes("/caf\xe9\x7f\x80%e9|{}")).toBe("/caf%E9%7F%80%e9|{}");
});
