import { expect, test } from "bun:test";
import { parseFirstJson } from "../../../src/lib/first-json.ts";

test.each([
  ['[1,{"a":"]}"}]', [1, { a: "]}" }]],
  ['[{"a":"\\"]"}]\n}]\n', [{ a: '"]' }]],
  ['{"a":[]} {', { a: [] }],
  ["[]\0\0", []],
  ["null", null],
])("%j has a first value", (text, value) => {
  expect(parseFirstJson(text)).toEqual(value);
});

test.each(["", "[", '["]', "[1,]", "[1,] []", "]", "x []", '{"a":1,}'])("%j has none", (text) => {
  expect(() => parseFirstJson(text)).toThrow(SyntaxError);
});
