/** What must be true of header compression, whatever the fields and bytes are. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { HpackDecoder } from "../../src/protocols/http2/hpack-decoder.ts";
import { HpackEncoder } from "../../src/protocols/http2/hpack-encoder.ts";
import { decodeHuffman } from "../../src/protocols/http2/huffman.ts";
import { decodeBlock, encodeBlock, type Field } from "../support/header-blocks.ts";
import { huffmanEncode } from "../support/huffman-reference.ts";

const latin1 = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
const name = fc.oneof(
  fc.constantFrom("content-type", "server", "set-cookie", "x-a", "x-b", "accept-encoding", "etag"),
  fc.stringMatching(/^[a-z][a-z-]{0,20}$/),
);
const value = fc.oneof(fc.constantFrom("", "a", "gzip, deflate", "text/html"), latin1);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 });
const head = fc
  .tuple(fc.integer({ min: 100, max: 999 }), fields)
  .map(([status, rest]): Field[] => [[":status", String(status)], ...rest]);

test("what was encoded is decoded, head after head, whatever the peer's table holds", () => {
  const step = fc.tuple(fc.option(fc.constantFrom(0, 60, 300, 4_096, 100_000)), head);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder();
      for (const [tableBytes, wanted] of steps) {
        if (tableBytes !== null) encoder.peerTableBytes = tableBytes;
        expect(decodeBlock(decoder, encodeBlock(encoder, wanted))).toEqual(wanted);
      }
    }),
  );
});

test("Huffman code is decoded to what it was made of", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      const code = huffmanEncode(text);
      expect(decodeHuffman(code, 0, code.length)).toBe(text);
    }),
  );
});

test("every prefix of a block is read or refused, and fields before the cut stay what they are", () => {
  fc.assert(
    fc.property(head, (wanted) => {
      const block = encodeBlock(new HpackEncoder(), wanted);
      for (let end = 0; end < block.length; end++) {
        const found = decodeBlock(new HpackDecoder(), block.subarray(0, end));
        if (typeof found !== "string") expect(found).toEqual(wanted.slice(0, found.length));
      }
    }),
    { numRuns: 50 },
  );
});

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (blocks) => {
      const decoder = new HpackDecoder();
      for (const block of blocks) {
        const found = decodeBlock(decoder, Buffer.from(block));
        if (typeof found === "string") return;
      }
    }),
  );
});
