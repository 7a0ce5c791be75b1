import { expect, test } from "bun:test";
import { fnv1a32 } from "../../../src/lib/fnv1a.ts";

test.each([
  ["", 0x811c9dc5],
  ["a", 0xe40c292c],
  ["b", 0xe70c2de5],
  ["foobar", 0xbf9cf968],
])("fnv1a32 of %p is the published value", (bytes, hash) => {
  expect(fnv1a32(bytes)).toBe(hash);
});

test("fnv1a32 takes each character as one byte", () => {
  // The bytes 0xff 0x00 0x80, worked out step by step with exact integers.
  const expected = [0xff, 0x00, 0x80].reduce(
    (hash, byte) => ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn,
    0x811c9dc5n,
  );
  expect(fnv1a32("\xff\x00\x80")).toBe(Number(expected));
});
