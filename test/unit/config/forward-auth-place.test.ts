import { describe, expect, test } from "bun:test";
import { parseForwardAuth } from "../../../src/config/forward-auth-place.ts";

describe("whom --forward-auth asks", () => {
  test.each([
    ["/verify?x=1", { kind: "own", path: "/verify?x=1" }],
    ["service:auth/a/b", { kind: "service", name: "auth", path: "/a/b" }],
    ["service:app-web-staging/", { kind: "service", name: "app-web-staging", path: "/" }],
    [
      "http://auth:4180/x?y",
      {
        kind: "url",
        secure: false,
        host: "auth",
        port: 4180,
        authority: "auth:4180",
        path: "/x?y",
      },
    ],
    [
      "HTTPS://Auth.Test",
      {
        kind: "url",
        secure: true,
        host: "auth.test",
        port: 443,
        authority: "auth.test",
        path: "/",
      },
    ],
    [
      "http://[::1]:80/",
      { kind: "url", secure: false, host: "::1", port: 80, authority: "[::1]", path: "/" },
    ],
  ])("%s is understood", (text, place) => {
    expect(parseForwardAuth(text)).toEqual(place as never);
  });

  test.each([
    "",
    "//auth/verify",
    "verify",
    "service:auth",
    "service:/verify",
    "service:auth//verify",
    "ftp://auth/",
    "http://",
    "http://ann:secret@auth/",
    "http://auth/#a",
    "http://auth/a b",
    "http://auth/\r\nX: y",
    "/verify\r\nX: y",
    "/vérify",
    "http://auth:99999/",
  ])("%j can't be meant", (text) => {
    expect(parseForwardAuth(text)).toBe(null);
  });
});
