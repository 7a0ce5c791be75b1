import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedDecoder, chunkHeader, lastChunk } from "../../src/protocols/http1/chunked.ts";
import { Fields } from "../../src/protocols/http/fields.ts";
import { HeadFault } from "../../src/protocols/http/head-fault.ts";

const limits = { maxLineBytes: 100, maxTrailerBytes: 200, maxFields: 10 };

interface Outcome {
  body: string;
  /** Index behind the body; null when it is incomplete. */
  end: number | null;
  refused: boolean;
  trailers: string[];
}

/** `stops` chunks at most are taken from one feed: the rest of it is fed again. */
function decode(message: Buffer, cuts: number[], stops = Number.POSITIVE_INFINITY): Outcome {
  let body = "";
  let taken = 0;
  const onChunk = (data: Uint8Array) => {
    body += Buffer.from(data).toString("latin1");
    return ++taken % stops !== 0;
  };
  const decoder = new ChunkedDecoder({ onChunk }, limits);
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (message.length + 1)), message.length])];
  edges.sort((a, b) => a - b);
  let end: number | null = null;
  let refused = false;
  for (let i = 0; i + 1 < edges.length && end === null && !refused; i++) {
    // A copy with bytes in front: nothing may look before the offset or keep the buffer.
    const piece = Buffer.concat([Buffer.from("0\r\n"), message.subarray(edges[i], edges[i + 1])]);
    let fed: number | HeadFault = 3;
    while (typeof fed === "number" && fed < piece.length && !decoder.done) {
      fed = decoder.feed(piece, fed);
    }
    piece.fill(0x78);
    if (fed instanceof HeadFault) refused = true;
    else if (decoder.done) end = edges[i]! + fed - 3;
  }
  const trailers = decoder.trailers?.names.map(
    (name, i) => `${name}=${decoder.trailers!.values[i]}`,
  );
  return { body, end, refused, trailers: trailers ?? [] };
}

const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
const trailerPairs = fc.array(
  fc.tuple(fc.constantFrom("X-A", "x-b", "Server-Timing"), fc.constantFrom("", "1", "a b", "\xe9")),
  { maxLength: 3 },
);
const cuts = fc.array(fc.nat(1_000), { maxLength: 12 });

function encode(parts: Uint8Array[], pairs: [string, string][]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of parts) {
    pieces.push(Buffer.from(chunkHeader(part.length)), Buffer.from(part), Buffer.from("\r\n"));
  }
  const last = lastChunk(pairs.length === 0 ? null : Fields.of(...pairs));
  return Buffer.concat([...pieces, Buffer.from(last, "latin1")]);
}

/** The grammar of RFC 9112 7.1, read from a text that is there as a whole; null when it is not in it. */
function referenceDecode(text: string): { body: string; end: number } | null {
  let body = "";
  let position = 0;
  for (;;) {
    const line = /^([0-9A-Fa-f]{1,16})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(
      text.slice(position),
    );
    if (line === null) return null;
    position += line[0].length;
    const size = Number(`0x${line[1]}`);
    if (size === 0) break;
    if (text.slice(position + size, position + size + 2) !== "\r\n") return null;
    body += text.slice(position, position + size);
    position += size + 2;
  }
  const trailers = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/.exec(
    text.slice(position),
  );
  return trailers === null ? null : { body, end: position + trailers[0].length };
}

describe("ChunkedDecoder", () => {
  test("gives back what was encoded, at any split, and leaves what follows", () => {
    fc.assert(
      fc.property(chunks, trailerPairs, cuts, (parts, pairs, at) => {
        const encoded = encode(parts, pairs);
        const message = Buffer.concat([encoded, Buffer.from("GET / HTTP/1.1\r\n\r\n")]);
        expect(decode(message, at)).toEqual({
          body: Buffer.concat(parts).toString("latin1"),
          end: encoded.length,
          refused: false,
          trailers: pairs.map(([name, value]) => `${name}=${value}`),
        });
      }),
      { numRuns: 500 },
    );
  });

  test("comes to the same result byte by byte, and to that of the grammar, when tampered with", () => {
    const inserts = ["", "\r", "\n", "\0", " ", "0", "f", ";", ";a=b", "\r\n", "-", "x", "\xff"];
    const mutations = fc.array(
      fc.record({
        at: fc.nat(1_000),
        remove: fc.nat(2),
        insert: fc.constantFrom(...inserts),
      }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(chunks, trailerPairs, mutations, cuts, (parts, pairs, changes, at) => {
        let text = encode(parts, pairs).toString("latin1");
        for (const change of changes) {
          const index = change.at % (text.length + 1);
          text = text.slice(0, index) + change.insert + text.slice(index + change.remove);
        }
        const message = Buffer.from(text, "latin1");
        const whole = decode(message, []);
        expect(decode(message, at)).toEqual(whole);
        expect(decode(message, at, 1)).toEqual(whole);
        expect(
          decode(
            message,
            Array.from(message, (_, i) => i),
          ),
        ).toEqual(whole);
        const reference = referenceDecode(text);
        expect(whole.end).toBe(reference === null ? null : reference.end);
        if (reference !== null) expect(whole.body).toBe(reference.body);
      }),
      { numRuns: 2_000 },
    );
  });

  test("does not throw at any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), cuts, (bytes, at) => {
        const message = Buffer.from(bytes);
        expect(decode(message, at)).toEqual(decode(message, []));
      }),
    );
  });
});
