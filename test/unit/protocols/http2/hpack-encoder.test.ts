import { expect, test } from "bun:test";
import { HpackDecoder } from "../../../../src/protocols/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../../../src/protocols/http2/hpack-encoder.ts";
import { decodeBlock, encodeBlock, type Field } from "../../../support/header-blocks.ts";

const head: Field[] = [
  [":status", "200"],
  ["content-type", "text/html"],
  ["server", "puma"],
  ["date", "Thu, 01 Jan 1970 00:00:00 GMT"],
  ["x-frame-options", "SAMEORIGIN"],
];

test("a head that repeats takes a byte a field", () => {
  const encoder = new HpackEncoder();
  encodeBlock(encoder, head);
  expect(encodeBlock(encoder, head)).toHaveLength(head.length);
});

test("fields of the static table take a byte from the first head on", () => {
  const block = encodeBlock(new HpackEncoder(), [
    [":status", "404"],
    ["accept-encoding", "gzip, deflate"],
  ]);
  expect([...block]).toEqual([0x8d, 0x90]);
});

test.each(["set-cookie", "authorization"])("%s is never to be indexed, by anybody", (name) => {
  const encoder = new HpackEncoder();
  for (let i = 0; i < 2; i++) expect(encodeBlock(encoder, [[name, "a=1"]])[0]! >> 4).toBe(1);
});

test("a value that changes with each head is not remembered for long", () => {
  const encoder = new HpackEncoder();
  const firstBytes = Array.from(
    { length: 8 },
    (_, i) => encodeBlock(encoder, [["x-trace", `value-${i}`]])[0]! & 0xc0,
  );
  expect(firstBytes.filter((pattern) => pattern === 0x40)).toHaveLength(4);
  expect(firstBytes.at(-1)).toBe(0);
});

test("the peer's limit is told at the start of the next block, and kept", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  expect(decodeBlock(decoder, encodeBlock(encoder, head))).toEqual(head);
  encoder.peerTableBytes = 0;
  const block = encodeBlock(encoder, head);
  expect(block[0]).toBe(0x20);
  expect(decodeBlock(decoder, block)).toEqual(head);
  expect(encodeBlock(encoder, head).length).toBeGreaterThan(50);
});

test("a head of 200 KB is written whole", () => {
  const large: Field[] = [["x-large", "v".repeat(200_000)]];
  expect(decodeBlock(new HpackDecoder(), encodeBlock(new HpackEncoder(), large))).toEqual(large);
});
