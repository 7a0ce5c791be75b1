import { expect, test } from "bun:test";
import fc from "fast-check";
import { keptText } from "../../../src/lib/kept-text.ts";

test("gives what it would make of the values, whatever came before", () => {
  const value = fc.oneof(fc.constantFrom("", "a", "ä", "𝒳"), fc.nat(2));
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value, value, value)), (calls) => {
      const make = (a: string | number, b: string | number, c: string | number, d: unknown) =>
        `${a}|${b}|${c}|${String(d)}|${typeof a}`;
      const kept = keptText(make as (...values: (string | number)[]) => string);
      for (const values of calls) {
        expect(kept(...values)).toBe(make(...values));
        expect(kept(...values)).toBe(make(...values));
      }
    }),
  );
});

test("makes a text once as long as its values stay the same", () => {
  let made = 0;
  const kept = keptText((name: string) => `${name} ${++made}`);
  expect([kept("a"), kept("a"), kept("a"), kept("b"), kept("a")]).toEqual([
    "a 1",
    "a 1",
    "a 1",
    "b 2",
    "a 3",
  ]);
});
