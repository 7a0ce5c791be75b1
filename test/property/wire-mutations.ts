/** How the wire properties damage and split messages, and with which seeds they run. */
import fc from "fast-check";
import { propertySeed } from "../support/property-seed.ts";

/** One of their own, and that of all properties; the test's name shows it. */
export function wireSeeds(): number[] {
  return [20_260_901, propertySeed];
}

const snippets = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\0",
  "\t",
  " ",
  "\x0b",
  "\x7f",
  "\xff",
  ":",
  ";",
  ",",
  "0",
  "0x",
  "+",
  "-",
  "chunked",
  "identity",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Host: other\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "0\r\n\r\n",
  "5;a=b\r\n",
  "ffffffff\r\n",
];

const change = fc.record({
  kind: fc.constantFrom("insert", "delete", "replace", "repeat", "swap"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 24 }),
  snippet: fc.constantFrom(...snippets),
});

/** The same text with one to three changes, more often in a head than elsewhere. */
export function mutated(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  return fc.tuple(text, changes).map(([original, all]) => {
    let result = original;
    for (const { kind, at, length, snippet } of all) {
      const index = Math.floor(at * at * result.length);
      const before = result.slice(0, index);
      const after = result.slice(index);
      if (kind === "insert") result = before + snippet + after;
      else if (kind === "delete") result = before + after.slice(length);
      else if (kind === "replace") result = before + snippet + after.slice(snippet.length);
      else if (kind === "repeat") result = before + after.slice(0, length) + after;
      else result = before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2);
    }
    return result;
  });
}

/** Cuts the text in a few pieces; some of them have one byte only. */
export function pieces(text: string, cuts: fc.Stream<number> | Iterable<number>): string[] {
  const random = cuts[Symbol.iterator]();
  const parts: string[] = [];
  let rest = text;
  while (rest !== "" && parts.length < 12) {
    const number = Number(random.next().value);
    const length = number % 3 === 0 ? 1 : 1 + (number % Math.max(1, rest.length));
    parts.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  if (rest !== "") parts.push(rest);
  return parts;
}
