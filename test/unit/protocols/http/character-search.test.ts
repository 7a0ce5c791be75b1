import { expect, test } from "bun:test";
import { isFieldValue } from "../../../../src/protocols/http/fields.ts";
import { parseRequestHead } from "../../../../src/protocols/http1/head-parser.ts";
import { requestLine } from "../../../../src/protocols/http1/head-serializer.ts";

const padding = "a".repeat(10_000);
const isHead = (text: string): boolean =>
  "fields" in parseRequestHead(`GET / HTTP/1.1\r\nHost: ${text}\r\n`, 10);
const isTarget = (text: string): boolean => {
  try {
    return requestLine("GET", `/${text}`) !== "";
  } catch {
    return false;
  }
};

test.each([
  ["a head", isHead, 0x100],
  ["a field value", isFieldValue, 0x10000],
  ["a target", isTarget, 0x10000],
])("the same characters are refused in %s whether it is short or long", (_, isFine, count) => {
  const differing: number[] = [];
  for (let code = 0; code < count; code++) {
    const character = String.fromCharCode(code);
    const isFineShort = isFine(`x${character}x`);
    // Most of them are alike: a sample of those is enough.
    if (code > 0x200 && code % 0xfd !== 0) {
      if (isFineShort) differing.push(code);
    } else if (isFineShort !== isFine(`x${character}x${padding}`)) {
      differing.push(code);
    }
  }
  expect(differing).toEqual([]);
});
