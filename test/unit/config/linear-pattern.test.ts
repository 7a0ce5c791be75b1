import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maxPatternText } from "../../../src/config/limits.ts";
import { LinearPattern } from "../../../src/config/linear-pattern.ts";
import { PatternFault } from "../../../src/config/pattern-compiler.ts";

const patterns = [
  "^/a/(.*)$",
  "^/posts/(\\d+)(?:/([a-z-]+))?$",
  "(a|ab)(c|bcd)(d*)",
  "^(?:a|b)*?(b+)$",
  "[^/]+\\.(?:html|php)$",
  "a{2,3}?(a*)",
  "^(a?){3}b{2}$",
  "x*",
  "^$|^/$",
  "[a-c.]+[\\d-]",
  "((a)|b)+",
  "\\w+\\s?\\W",
];

describe("LinearPattern", () => {
  test("matches what the engine's own expressions match, with the same groups", () => {
    const text = fc.oneof(
      fc.stringMatching(/^[/abcdx1.-]{0,12}$/),
      fc.constantFrom("/a/", "/posts/12/a-b", "abcd", "index.html", "aab", "a b!", ""),
    );
    fc.assert(
      fc.property(fc.constantFrom(...patterns), text, (source, subject) => {
        const expected = new RegExp(source, "s").exec(subject);
        const found = new LinearPattern(source).match(subject);
        // A group in a repetition is forgotten at each turn by the engine, and kept here, as in RE2.
        const compared = source === "((a)|b)+" ? 1 : undefined;
        const groups = expected === null ? null : [...expected].map((group) => group ?? "");
        const texts = found?.map(([start, end]) => subject.slice(start, end)) ?? null;
        expect(texts?.slice(0, compared) ?? null).toEqual(groups?.slice(0, compared) ?? null);
      }),
    );
  });

  test.each([
    ["(a+)+b", "a"],
    ["(a|aa)+$", "a"],
    ["(.*)(.*)(.*)(.*)(.*)b", "a"],
    ["(?:a?){20}(?:a){20}b", "a"],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a"],
  ])("takes no longer than the text for %s", (source, character) => {
    const pattern = new LinearPattern(source);
    const started = performance.now();
    expect(pattern.match(`${character.repeat(maxPatternText - 1)}!`)).toBeNull();
    // Milliseconds on a machine at rest; an engine that goes back would not end.
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("matches nothing in a text that is too long", () => {
    expect(new LinearPattern("a").match("a".repeat(maxPatternText))).not.toBeNull();
    expect(new LinearPattern("a").match("a".repeat(maxPatternText + 1))).toBeNull();
  });

  test.each([
    "(a)\\1",
    "(?=a)b",
    "(?<!a)b",
    "(?<name>a)",
    "a**",
    "a++",
    "*a",
    "(a",
    "a)",
    "[a",
    "a{2,1}",
    "a{x",
    "\\b",
    "\\",
    "[z-a]",
    "[\\d-z]",
    "é",
    "(((a{99}){99}){99})",
  ])("refuses %s", (source) => {
    expect(() => new LinearPattern(source)).toThrow(PatternFault);
  });
});
