import { describe, expect, test } from "bun:test";
import {
  redirectBody,
  redirectFields,
  redirectLocation,
  type RedirectRequest,
} from "../../../../../src/data-plane/proxy/answers/redirects.ts";

function request(changes: Partial<RedirectRequest> = {}): RedirectRequest {
  return {
    scheme: "http",
    host: "app.test:8080",
    hostName: "app.test",
    path: "/x",
    query: "?y=1",
    ...changes,
  };
}

const tls = { tlsEnabled: true, tlsRedirect: true, canonicalHost: "" };
const plain = { tlsEnabled: false, tlsRedirect: true, canonicalHost: "" };

describe("redirectLocation", () => {
  test("leads plain requests to https, without the port", () => {
    expect(redirectLocation(request(), tls)).toBe("https://app.test/x?y=1");
  });

  test("leaves requests alone that are where they belong", () => {
    expect(redirectLocation(request({ scheme: "https" }), tls)).toBeUndefined();
    expect(redirectLocation(request(), plain)).toBeUndefined();
    expect(redirectLocation(request(), { ...tls, tlsRedirect: false })).toBeUndefined();
  });

  test("leads other hosts to the canonical one and keeps the scheme", () => {
    const rules = { ...plain, canonicalHost: "www.test" };
    expect(redirectLocation(request(), rules)).toBe("http://www.test/x?y=1");
    expect(redirectLocation(request({ scheme: "https" }), rules)).toBe("https://www.test/x?y=1");
  });

  test("writes what no field can hold of the canonical host as escaped UTF-8", () => {
    const rules = { ...plain, canonicalHost: "\u010aé.test" };
    expect(redirectLocation(request(), rules)).toBe("http://%C4%8A%C3%A9.test/x?y=1");
  });

  test("changes scheme and host in one step", () => {
    expect(redirectLocation(request(), { ...tls, canonicalHost: "www.test" })).toBe(
      "https://www.test/x?y=1",
    );
  });

  test.each(["app.test", "App.Test", "app.test.", "app.test:443"])(
    "takes the canonical host %s for the host of the request",
    (canonicalHost) => {
      expect(redirectLocation(request(), { ...plain, canonicalHost })).toBeUndefined();
    },
  );

  test("keeps the host as it was sent", () => {
    expect(redirectLocation(request({ host: "App.Test" }), tls)).toBe("https://App.Test/x?y=1");
    const literal = request({ host: "[::1]:8080", hostName: "::1" });
    expect(redirectLocation(literal, tls)).toBe("https://[::1]/x?y=1");
    expect(redirectLocation({ ...literal, host: "[::1]" }, tls)).toBe("https://[::1]/x?y=1");
  });

  test.each([
    ["//a/../b%2Fc;d", "?", "//a/../b%2Fc;d?"],
    ["/a", "?q=a;b&c=%zz|{}", "/a?q=a;b&c=%zz|{}"],
    ["/\xc3\xa9", "?\xc3\xa9", "/%C3%A9?%C3%A9"],
    ["/a#b", "?c#d", "/a%23b?c%23d"],
    ['/a"<>|b', "", "/a%22%3C%3E%7Cb"],
  ])("writes %s%s as %s", (path, query, expected) => {
    expect(redirectLocation(request({ path, query }), tls)).toBe(`https://app.test${expected}`);
  });
});

describe("the redirect response", () => {
  test("has a small page for GET, and its fields for HEAD", () => {
    const location = "https://app.test/?a=1&b='<x>\"";
    expect(redirectBody("GET", 301, location)).toBe(
      '<a href="https://app.test/?a=1&amp;b=&#39;&lt;x&gt;&#34;">Moved Permanently</a>.\n\n',
    );
    for (const method of ["GET", "HEAD"]) {
      const fields = redirectFields(method, location);
      expect(fields.get("location")).toBe(location);
      expect(fields.get("content-type")).toBe("text/html; charset=utf-8");
    }
  });

  test("is empty for other methods", () => {
    expect(redirectBody("POST", 301, "https://app.test/")).toBe("");
    expect(redirectFields("POST", "https://app.test/").keys).toEqual(["location"]);
  });
});
