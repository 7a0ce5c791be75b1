import { describe, expect, test } from "bun:test";
import { HpackDecoder } from "../../../../src/protocols/http2/hpack-decoder.ts";
import { bytesOf, decodeBlock, type Field } from "../../../support/header-blocks.ts";
import { huffmanEncode, huffmanWithEnd } from "../../../support/huffman-reference.ts";

const getPseudo: Field[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const customRequest: Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];
const response = (status: string, second: number): Field[] => [
  [":status", status],
  ["cache-control", "private"],
  ["date", `Mon, 21 Oct 2013 20:13:${second} GMT`],
  ["location", "https://www.example.com"],
];
const lastResponse: Field[] = [
  ...response("200", 22),
  ["content-encoding", "gzip"],
  ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
];

/** RFC 7541 appendix C: blocks of one connection, one after the other. */
const appendix: Record<string, [hex: string, fields: Field[]][]> = {
  "C.2.1": [
    [
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      [["custom-key", "custom-header"]],
    ],
  ],
  "C.2.2": [["040c 2f73 616d 706c 652f 7061 7468", [[":path", "/sample/path"]]]],
  "C.2.3": [["1008 7061 7373 776f 7264 0673 6563 7265 74", [["password", "secret"]]]],
  "C.2.4": [["82", [[":method", "GET"]]]],
  "C.3": [
    ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", getPseudo],
    ["8286 84be 5808 6e6f 2d63 6163 6865", [...getPseudo, ["cache-control", "no-cache"]]],
    ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", customRequest],
  ],
  "C.4": [
    ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", getPseudo],
    ["8286 84be 5886 a8eb 1064 9cbf", [...getPseudo, ["cache-control", "no-cache"]]],
    ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", customRequest],
  ],
  // The table of both has 256 bytes, as an update at the start says.
  "C.5": [
    [
      `3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
       3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      response("302", 21),
    ],
    ["4803 3330 37c1 c0bf", response("307", 21)],
    [
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
       6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d
       6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      lastResponse,
    ],
  ],
  "C.6": [
    [
      `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e
       919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      response("302", 21),
    ],
    ["4883 640e ffc1 c0bf", response("307", 21)],
    [
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
       d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106
       3d50 07`,
      lastResponse,
    ],
  ],
};

describe("a header block is read as RFC 7541 shows it:", () => {
  test.each(Object.keys(appendix))("%s", (example) => {
    const decoder = new HpackDecoder();
    for (const [hex, fields] of appendix[example]!) {
      expect(decodeBlock(decoder, bytesOf(hex))).toEqual(fields);
    }
  });
});

const literal = (text: string): string =>
  Buffer.from([text.length, ...Buffer.from(text, "latin1")]).toString("hex");
const huffman = (bytes: Buffer): string =>
  Buffer.from([0x80 | bytes.length, ...bytes]).toString("hex");

const malformed: [what: string, hex: string][] = [
  ["index 0", "80"],
  ["an index behind the static table", "be"],
  ["an index far behind it", "ffff7f"],
  ["a name of an index behind the tables", "7e0161"],
  ["an index that is cut off", "ff"],
  ["an index that never ends", "ffffffffffffffffff"],
  ["an index that overflows", "ffffffffff0f"],
  ["a literal without name", "40"],
  ["a literal without value", `40${literal("a")}`],
  ["a name longer than the block", "400561"],
  ["a value longer than the block", `40${literal("a")}0562`],
  ["a length that is cut off", "407f"],
  ["a length that overflows", "407fffffffff7f"],
  ["a size update beyond the limit", "3fe21f"],
  ["a size update behind a field", "8220"],
  ["three size updates", "202020"],
  ["a size update that is cut off", "3f"],
  ["Huffman padding of zeros", `40${huffman(Buffer.from([0x18]))}00`],
  [
    "Huffman padding of eight bits",
    `40${huffman(Buffer.concat([huffmanEncode("aaaaaaaa"), Buffer.from([0xff])]))}00`,
  ],
  ["a Huffman end of string", `40${huffman(huffmanWithEnd("a"))}00`],
  ["a Huffman code that is cut off", `40${huffman(Buffer.from([0xff, 0xff, 0xfe]))}00`],
];

describe("a header block is refused:", () => {
  test.each(malformed)("%s", (_what, hex) => {
    expect(decodeBlock(new HpackDecoder(), bytesOf(hex))).toBeString();
  });
});

test("a field larger than the table empties it", () => {
  const decoder = new HpackDecoder();
  decodeBlock(decoder, bytesOf(`40${literal("a")}${literal("b")}`));
  expect(decodeBlock(decoder, bytesOf("be"))).toEqual([["a", "b"]]);
  const large = Buffer.concat([bytesOf(`40${literal("c")}7fa91f`), Buffer.alloc(4_136, "x")]);
  expect(decodeBlock(decoder, large)).toHaveLength(1);
  expect(decodeBlock(decoder, bytesOf("be"))).toBeString();
});

test("a size update to nothing empties the table, and a larger one makes room again", () => {
  const decoder = new HpackDecoder();
  decodeBlock(decoder, bytesOf(`40${literal("a")}${literal("b")}`));
  expect(decodeBlock(decoder, bytesOf("203fe11f"))).toEqual([]);
  expect(decodeBlock(decoder, bytesOf("be"))).toBeString();
  decodeBlock(decoder, bytesOf(`40${literal("c")}${literal("d")}`));
  expect(decodeBlock(decoder, bytesOf("be"))).toEqual([["c", "d"]]);
});

test("a field of the table is one object for all heads", () => {
  const decoder = new HpackDecoder();
  const seen: unknown[] = [];
  const sink = { field: (field: unknown) => seen.push(field) > 0 };
  const block = bytesOf(`40${literal("a")}${literal("b")}bebe`);
  expect(decoder.decode(block, 0, block.length, sink)).toBeNull();
  expect(seen[1]).toBe(seen[0]);
  expect(seen[2]).toBe(seen[0]);
});

test("a sink that wants no more ends the block", () => {
  const block = bytesOf("828282");
  let fields = 0;
  const sink = { field: () => ++fields < 2 };
  expect(new HpackDecoder().decode(block, 0, block.length, sink)).toBe("too many fields");
  expect(fields).toBe(2);
});
