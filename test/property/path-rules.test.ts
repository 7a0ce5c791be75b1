/** What rules of --redirect and --rewrite take over from a path. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { destinationOf, parsePathRule } from "../../src/config/path-rule.ts";
import { encodedSpan, percentDecode } from "../../src/protocols/http/percent-encoding.ts";

/** Pieces of a path as they are sent, each of which is one character to rules. */
const pieces = fc.array(
  fc.constantFrom("a", "b", "/", "%2F", "%2f", "%61", "%3F", "%25", "%5C", "%0d", "%C3", "-"),
  { maxLength: 12 },
);

function changed(rule: string, path: string): string | null {
  const parsed = parsePathRule(rule);
  const decoded = percentDecode(path)!;
  const match = parsed.match(decoded);
  return match === null
    ? null
    : destinationOf(parsed, match, ([start, end]) => encodedSpan(path, decoded, start, end));
}

test("a span of the decoded path is the same pieces of the path as it was sent", () => {
  fc.assert(
    fc.property(pieces, fc.nat(12), fc.nat(12), (all, one, other) => {
      const [start, end] = [Math.min(one, other, all.length), Math.min(all.length, one + other)];
      const path = all.join("");
      const expected = all.slice(start, Math.max(start, end)).join("");
      expect(encodedSpan(path, percentDecode(path)!, start, Math.max(start, end))).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});

test("what a prefix or a group leaves over is taken over to the letter", () => {
  fc.assert(
    fc.property(pieces, pieces, (first, second) => {
      const rest = first.join("");
      expect(changed("/pre%fix/* /new/*", `/pre%25fix/${rest}`)).toBe(`/new/${rest}`);
      expect(changed("~^/p/(.*)$ /new/$1?of=$1", `/%70/${rest}`)).toBe(`/new/${rest}?of=${rest}`);
      // An escaped slash separates no segments of what is taken over, but is one to patterns.
      const [one, two] = [first, second].map((list) =>
        list.filter((piece) => !/^(\/|%2F)$/i.test(piece)).join(""),
      );
      expect(changed("~^/([^/]*)/([^/]*)$ /$2/x/$1", `/${one}%2F${two}`)).toBe(
        `/${two}/x/${one}`.replace(/^\/{2,}/, "/"),
      );
    }),
    { numRuns: 1_000 },
  );
});
