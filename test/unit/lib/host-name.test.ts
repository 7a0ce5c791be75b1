import { expect, test } from "bun:test";
import { normalHostName, wildcardOf } from "../../../src/lib/host-name.ts";

test.each([
  ["A.b.", "a.b"],
  ["a.b", "a.b"],
  [".", "."],
  ["a..", "a.."],
  ["", ""],
])("the normal form of %j is %j, also of itself", (name, normal) => {
  expect(normalHostName(name)).toBe(normal);
  expect(normalHostName(normal)).toBe(normal);
});

test.each([
  ["a.example.com", "*.example.com"],
  ["example", null],
  [".example", null],
  ["", null],
])("the wildcard of %j is %j", (name, wildcard) => {
  expect(wildcardOf(name)).toBe(wildcard);
});
