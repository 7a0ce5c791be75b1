import { expect, test } from "bun:test";
import { cookieValue } from "../../../../src/protocols/http/cookies.ts";

test.each([
  ["a=1; k=2; b=3", "2"],
  ["k=2", "2"],
  ["\t k = 2 ;x", " 2"],
  ["k=first; k=second", "first"],
  ['k="quoted"', "quoted"],
  ['k="', undefined],
  ['k=a"b; k=next', "next"],
  ["k=a\\b", undefined],
  ["k=\xe9; k=ok", "ok"],
  ["k=a=b", "a=b"],
  ["k=", ""],
  ["k; k=later", ""],
  ["K=1", undefined],
  ["kk=1; ak=2", undefined],
  ["\xa0k=1", undefined],
  ["", undefined],
])("cookieValue of k in %j is %j", (field, value) => {
  expect(cookieValue([field], "k")).toBe(value);
});

test("cookieValue looks through all lines in order", () => {
  expect(cookieValue(["a=1", "b=2; k=3", "k=4"], "k")).toBe("3");
  expect(cookieValue([], "k")).toBeUndefined();
});
