import { describe, expect, test } from "bun:test";
import { parseRequestHead } from "../../../../src/protocols/http1/head-parser.ts";
import { HeadFault } from "../../../../src/protocols/http/head-fault.ts";
import {
  checkRequest,
  type RequestTargetAndHost,
} from "../../../../src/protocols/http/request-policy.ts";

function check(line: string, ...fields: string[]): RequestTargetAndHost | number {
  const text = [line, ...fields].map((part) => `${part}\r\n`).join("");
  const head = parseRequestHead(text, 100);
  if (head instanceof HeadFault) throw new Error(head.reason);
  const checked = checkRequest(head);
  return checked instanceof HeadFault ? checked.status : checked;
}

describe("checkRequest", () => {
  test("gives the target in parts and the host in both forms", () => {
    expect(check("GET /a?b HTTP/1.1", "Host: App.Example.com.:8080")).toEqual({
      path: "/a",
      query: "?b",
      host: "App.Example.com.:8080",
      hostName: "app.example.com",
    });
  });

  test("lets the host of an absolute target win", () => {
    expect(check("GET http://B.test:81/x HTTP/1.1", "Host: a.test")).toEqual({
      path: "/x",
      query: "",
      host: "B.test:81",
      hostName: "b.test",
    });
  });

  test("asks for exactly one Host of HTTP/1.1, with any target", () => {
    expect(check("GET / HTTP/1.1")).toBe(400);
    expect(check("GET http://a.test/ HTTP/1.1")).toBe(400);
    expect(check("GET / HTTP/1.1", "Host: a", "host: a")).toBe(400);
    expect(check("GET http://a.test/ HTTP/1.1", "Host: a", "Host: b")).toBe(400);
  });

  test("takes an empty Host, and none of HTTP/1.0, but never two", () => {
    expect(check("GET / HTTP/1.1", "Host:")).toMatchObject({ host: "", hostName: "" });
    expect(check("GET / HTTP/1.0")).toMatchObject({ host: "", hostName: "" });
    expect(check("GET / HTTP/1.0", "Host: a")).toMatchObject({ hostName: "a" });
    expect(check("GET / HTTP/1.0", "Host: a", "Host: a")).toBe(400);
  });

  test.each(["a b", "a:port", "a/b", "a@b", "h\xe4", "[::1", "a:70000", "a\\b"])(
    "refuses the Host %j, also beside an absolute target",
    (host) => {
      expect(check("GET / HTTP/1.1", `Host: ${host}`)).toBe(400);
      expect(check("GET http://good.test/ HTTP/1.1", `Host: ${host}`)).toBe(400);
    },
  );

  test.each(["http://a:b/", "http://a\\b/", "http://[::1/", "http://:80/", "http://a,b c/"])(
    "refuses the target %s",
    (target) => {
      const head = parseRequestHead(`GET ${target} HTTP/1.1\r\nHost: a\r\n`, 10);
      const refused = head instanceof HeadFault ? head : checkRequest(head);
      expect(refused).toBeInstanceOf(HeadFault);
    },
  );

  test("never takes CONNECT, whatever its target", () => {
    expect(check("CONNECT a.test:443 HTTP/1.1", "Host: a.test:443")).toBe(405);
    expect(check("CONNECT / HTTP/1.1", "Host: a.test")).toBe(405);
  });

  test("takes TRACE and invented methods", () => {
    expect(check("TRACE / HTTP/1.1", "Host: a")).toMatchObject({ path: "/" });
    expect(check("FOOBAR / HTTP/1.1", "Host: a")).toMatchObject({ path: "/" });
  });

  test("takes the asterisk of OPTIONS", () => {
    expect(check("OPTIONS * HTTP/1.1", "Host: a")).toMatchObject({ path: "*", hostName: "a" });
    expect(check("GET * HTTP/1.1", "Host: a")).toBe(400);
  });

  test("refuses broken escapes in the path, not in the query", () => {
    expect(check("GET /%zz HTTP/1.1", "Host: a")).toBe(400);
    expect(check("GET /?%zz HTTP/1.1", "Host: a")).toMatchObject({ query: "?%zz" });
  });

  test("answers 417 to any expectation but 100-continue", () => {
    const post = "POST / HTTP/1.1";
    expect(check(post, "Host: a", "Expect: 100-Continue")).toMatchObject({ path: "/" });
    expect(check(post, "Host: a", "Expect: ")).toMatchObject({ path: "/" });
    expect(check(post, "Host: a", "Expect: 200-ok")).toBe(417);
    expect(check(post, "Host: a", "Expect: 100-continue, x=y")).toBe(417);
    expect(check(post, "Host: a", "Expect: 100-continue", "Expect: x")).toBe(417);
    expect(check(post, "Host: a", "Expect: 100-continue;q=1")).toBe(417);
  });
});
