import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  segmentRoutes,
  targetAsSent,
} from "../../../../../src/data-plane/listeners/fetch/sent-path.ts";
import { HeadFault } from "../../../../../src/protocols/http/head-fault.ts";

/** What Bun tells of a path (WHATWG URL 4.4, 4.5) and of its segments, with their escapes undone. */
function told(sent: string): { target: string; segments: string[] } {
  const query = sent.indexOf("?");
  const path = query < 0 ? sent : sent.slice(0, query);
  const segments = path.split("/").slice(1);
  return {
    target: new URL(`https://a.test${sent}`).href.slice("https://a.test".length),
    segments: segments
      .filter((each, at) => each !== "" || at === segments.length - 1)
      .map(unescape),
  };
}

const unescape = (text: string): string => decodeURIComponent(text);

function asSent(sent: string): string | HeadFault {
  const { target, segments } = told(sent);
  return targetAsSent(target, segments);
}

describe("what Bun drops of a path", () => {
  test.each([
    ["/ab ", "/ab%20"],
    ["/ab  ", "/ab%20%20"],
    ["/ab%20 ", "/ab%20%20"],
    ["/ab/ ", "/ab/%20"],
    ["/ ", "/%20"],
    ["/a%20/", "/a%20/"],
    ["/a//b ", "/a//b%20"],
    ["/a ?b", "/a%20?b"],
    ["/a/..%20", "/a/..%20"],
    ["/a%09", "/a%09"],
    ["/a%09/%0a%0D", "/a%09/%0a%0D"],
    ["/a%01 ", "/a%01%20"],
  ])("%j goes on as %j", (sent, expected) => {
    expect(asSent(sent)).toBe(expected);
  });

  test.each([
    "/a\t",
    "/\t",
    "/a\tb",
    "/a\tb?c",
    "/%09\t",
    "/a\t/b/c",
    "/a\u0001",
    "/a\u0001 ",
    "/a/.. ",
    "/. ",
  ])("%j is refused", (sent) => {
    expect(asSent(sent)).toBeInstanceOf(HeadFault);
  });

  test("what is not seen stays as it is", () => {
    expect(targetAsSent("/a%20b", [])).toBe("/a%20b");
  });
});

test("a path is passed with nothing lost but dot segments, or refused", () => {
  const piece = fc.constantFrom(
    "/",
    "a",
    " ",
    "\t",
    "\u0001",
    "%20",
    "%09",
    "%01",
    "%2F",
    "é",
    "..",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const sent = `/${pieces.join("")}`;
      const result = asSent(sent);
      if (sent.includes("\t")) expect(result).toBeInstanceOf(HeadFault);
      else if (!(result instanceof HeadFault)) {
        // As a path that ends with something that no URL parser cuts off would be written.
        const expected = new URL(`https://a.test${sent}|`).pathname.slice(0, -1);
        if (!/\.\.\/?$/.test(sent)) expect(unescape(result)).toBe(unescape(expected));
      } else expect(sent.trimEnd()).toMatch(/(?:\.\.|[^a-z\dé%./])$/i);
    }),
  );
});

test("each route shows one shape of path, and every shape is shown once", () => {
  expect(new Set(segmentRoutes).size).toBe(segmentRoutes.length);
  const shapes = segmentRoutes.map((route) => route.replace(/:s\d+/g, "x"));
  for (const shape of ["/", "/x", "/x/", "//", "/x//x", "///x/x/", `${"/x".repeat(32)}`]) {
    expect(shapes.filter((each) => each === shape)).toHaveLength(1);
  }
});
