import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ResponseHandler, ResponseParser } from "../../src/protocols/http1/response-parser.ts";

interface Response {
  body: Buffer;
  chunkBytes: number;
  fields: string[];
  interims: number;
  trailer: string | null;
  framing: "length" | "chunked" | "until-close";
}

const response: fc.Arbitrary<Response> = fc.record({
  body: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  chunkBytes: fc.integer({ min: 1, max: 50 }),
  fields: fc.array(fc.stringMatching(/^[a-z0-9 ,;=]{0,30}$/), { maxLength: 5 }),
  interims: fc.integer({ min: 0, max: 3 }),
  trailer: fc.option(fc.stringMatching(/^[a-z0-9]{0,10}$/), { nil: null }),
  framing: fc.constantFrom("length", "chunked", "until-close"),
});

function serialize(given: Response): Buffer {
  const { body, framing } = given;
  const pieces: (string | Buffer)[] = [];
  for (let i = 0; i < given.interims; i++) pieces.push("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n");
  pieces.push("HTTP/1.1 200 OK\r\n");
  given.fields.forEach((value, index) => pieces.push(`X-${index}: ${value}\r\n`));
  if (framing === "length") pieces.push(`Content-Length: ${body.length}\r\n\r\n`, body);
  if (framing === "until-close") pieces.push("\r\n", body);
  if (framing === "chunked") {
    pieces.push("Transfer-Encoding: chunked\r\n\r\n");
    for (let at = 0; at < body.length; at += given.chunkBytes) {
      const chunk = body.subarray(at, at + given.chunkBytes);
      pieces.push(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
    }
    pieces.push("0\r\n", given.trailer === null ? "" : `T: ${given.trailer}\r\n`, "\r\n");
  }
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
}

/** `stops` chunks at most are taken from one feed: the rest of it is fed again. */
function read(bytes: Buffer, cuts: number[], stops = Number.POSITIVE_INFINITY) {
  const seen = { events: [] as string[], body: [] as Buffer[] };
  const handler: ResponseHandler = {
    onInformational: (head) => void seen.events.push(`1xx ${head.fields.values.join()}`),
    onSwitch: () => void seen.events.push("switch"),
    onHead: (head, framing) =>
      void seen.events.push(`head ${head.fields.values.join("|")} ${framing.kind}`),
    onBody: (chunk) => seen.body.push(Buffer.from(chunk)) % stops !== 0,
    onEnd: (trailers, excess) =>
      void seen.events.push(`end ${trailers?.values.join() ?? "-"} ${excess}`),
  };
  const parser = new ResponseParser();
  parser.start("GET", handler);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  );
  let start = 0;
  for (const end of [...places, bytes.length]) {
    // Each read has a buffer of its own, as from a socket.
    const piece = Buffer.from(bytes.subarray(start, end));
    let fed: string | number = 0;
    while (typeof fed === "number" && fed < piece.length) fed = parser.feed(piece, fed);
    expect(fed).toBe(piece.length);
    start = end;
  }
  parser.finish();
  return { events: seen.events, body: Buffer.concat(seen.body) };
}

test("a response means the same however its bytes are split", () => {
  fc.assert(
    fc.property(response, fc.array(fc.nat(), { maxLength: 12 }), (given, cuts) => {
      const bytes = serialize(given);
      const whole = read(bytes, []);
      expect(whole.body.equals(given.body)).toBe(true);
      expect(whole.events.length).toBe(given.interims + 2);
      expect(read(bytes, cuts)).toEqual(whole);
      expect(read(bytes, cuts, 1 + (cuts.length % 3))).toEqual(whole);
    }),
  );
});
