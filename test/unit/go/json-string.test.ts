import { describe, expect, test } from "bun:test";
import { jsonFromBytes, jsonFromText } from "../../../src/go/json-string.ts";

const bytes = (...codes: number[]) => String.fromCharCode(...codes);

describe("jsonFromBytes", () => {
  test.each([
    ["", '""'],
    ["/plain <&> '~\x7f", '"/plain <&> \'~\x7f"'],
    ['quote " and \\', '"quote \\" and \\\\"'],
    ["\n\r\t\b\f\0\x1b", '"\\n\\r\\t\\u0008\\u000c\\u0000\\u001b"'],
  ])("escapes what JSON needs and no more: %j", (value, json) => {
    expect(jsonFromBytes(value)).toBe(json);
  });

  test.each([
    ["é", bytes(0xc3, 0xa9)],
    ["€", bytes(0xe2, 0x82, 0xac)],
    ["\ufffd", bytes(0xef, 0xbf, 0xbd)],
    ["😀", bytes(0xf0, 0x9f, 0x98, 0x80)],
    ["\u{10ffff}", bytes(0xf4, 0x8f, 0xbf, 0xbf)],
  ])("reads UTF-8: %s", (character, value) => {
    expect(jsonFromBytes(`a${value}b`)).toBe(`"a${character}b"`);
  });

  test("escapes the line separators that JavaScript knows", () => {
    expect(jsonFromBytes(bytes(0xe2, 0x80, 0xa8, 0xe2, 0x80, 0xa9))).toBe('"\\u2028\\u2029"');
  });

  test.each([
    ["a lone byte", bytes(0xff), 1],
    ["a lone continuation", bytes(0x80), 1],
    ["a sequence cut short", bytes(0xe2, 0x82), 2],
    ["an overlong form", bytes(0xc0, 0xaf), 2],
    ["a longer overlong form", bytes(0xe0, 0x80, 0x80), 3],
    ["a surrogate", bytes(0xed, 0xa0, 0x80), 3],
    ["beyond the last code point", bytes(0xf4, 0x90, 0x80, 0x80), 4],
  ])("replaces each byte of %s", (_, value, count) => {
    expect(jsonFromBytes(value)).toBe(`"${"\\ufffd".repeat(count)}"`);
  });
});

describe("jsonFromText", () => {
  test("keeps text and escapes what JSON needs", () => {
    expect(jsonFromText('é "😀"\n')).toBe('"é \\"😀\\"\\n"');
  });

  test("replaces a lone surrogate", () => {
    expect(jsonFromText("a\ud800b")).toBe('"a\\ufffdb"');
  });
});
