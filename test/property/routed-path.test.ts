import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { percentDecode } from "../../src/protocols/http/percent-encoding.ts";
import { stripDecodedPrefix, stripPrefix } from "../../src/data-plane/services/routed-path.ts";

const segment = fc.string({
  unit: fc.constantFrom("a", "b", "%", " ", "\xe9", "-"),
  minLength: 1,
  maxLength: 4,
});
const prefix = fc
  .array(segment, { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.join("/")}`);
/** What follows the prefix, still escaped. */
const rest = fc.oneof(
  fc.constant(""),
  fc
    .array(fc.constantFrom("a", "/", "%2F", "%41", "%25", ";", "|", "..", "\xe9"), { maxLength: 8 })
    .map((parts) => `/${parts.join("")}`),
);

function escapeSome(text: string, choices: boolean[]): string {
  return [...text]
    .map((character, index) => {
      const code = character.charCodeAt(0);
      const must = character === "%";
      const may = character !== "/" && choices[index % choices.length];
      return must || may ? `%${code.toString(16).padStart(2, "0")}` : character;
    })
    .join("");
}

test("stripPrefix keeps every byte behind the prefix, however the prefix was escaped", () => {
  fc.assert(
    fc.property(
      prefix,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      rest,
      (decodedPrefix, choices, suffix) => {
        const rawPath = escapeSome(decodedPrefix, choices) + suffix;
        const stripped = stripPrefix(rawPath, decodedPrefix);
        expect(stripped).toBe(suffix === "" ? "/" : suffix);
        expect(percentDecode(stripped)).toBe(
          stripDecodedPrefix(percentDecode(rawPath)!, decodedPrefix),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});
