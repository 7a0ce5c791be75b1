import { expect, test } from "bun:test";
import {
  byteSet,
  hasBrokenEscape,
  percentDecode,
  percentEncode,
} from "../../../../src/protocols/http/percent-encoding.ts";

const outsideAscii = byteSet(/[\x7f-\xff]/);

test("percentDecode decodes escapes, and refuses broken ones", () => {
  expect(percentDecode("/%61%2Fb%ff")).toBe("/a/b\xff");
  expect(percentDecode("/plain+")).toBe("/plain+");
  expect(hasBrokenEscape("/%61%2Fb%ff")).toBe(false);
  for (const path of ["/%", "/%1", "/%zz", "/%%41", "/a%2", "/%4\0"]) {
    expect(percentDecode(path)).toBeUndefined();
    expect(hasBrokenEscape(path)).toBe(true);
  }
});

test("percentEncode encodes the bytes of the set and nothing else", () => {
  expect(percentEncode("/caf\xe9\x7f\x80%e9|{}", outsideAscii)).toBe("/caf%E9%7F%80%e9|{}");
  expect(percentEncode("/plain", outsideAscii)).toBe("/plain");
});

test("every byte comes back from its escape, in either case", () => {
  const every = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  const encoded = percentEncode(every, byteSet(/[^]/));
  expect(encoded).toBe(every.replace(/[^]/g, (byte) => `%${hex(byte).toUpperCase()}`));
  expect(percentDecode(encoded)).toBe(every);
  expect(percentDecode(encoded.toLowerCase())).toBe(every);
});

function hex(byte: string): string {
  return byte.charCodeAt(0).toString(16).padStart(2, "0");
}
