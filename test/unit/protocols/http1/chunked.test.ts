import { describe, expect, test } from "bun:test";
import { ChunkedDecoder, chunkHeader, lastChunk } from "../../../../src/protocols/http1/chunked.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { HeadFault } from "../../../../src/protocols/http/head-fault.ts";

const limits = { maxLineBytes: 64, maxTrailerBytes: 128, maxFields: 4 };

function decode(text: string) {
  let body = "";
  const consumer = {
    onChunk: (data: Uint8Array) => {
      body += Buffer.from(data).toString("latin1");
      return true;
    },
  };
  const decoder = new ChunkedDecoder(consumer, limits);
  const end = decoder.feed(Buffer.from(text, "latin1"), 0);
  return { decoder, body, end, status: end instanceof HeadFault ? end.status : undefined };
}

describe("ChunkedDecoder", () => {
  test("decodes chunks and stops behind the body", () => {
    const { decoder, body, end } = decode("5\r\nhello\r\n00A\r\n, world...\r\n0\r\n\r\nGET /");
    expect(body).toBe("hello, world...");
    expect(decoder.done).toBe(true);
    expect(decoder.trailers).toBeNull();
    expect(end).toBe("5\r\nhello\r\n00A\r\n, world...\r\n0\r\n\r\n".length);
  });

  test("begins at the offset", () => {
    const decoder = new ChunkedDecoder({ onChunk: () => true }, limits);
    expect(decoder.feed(Buffer.from("junk0\r\n\r\n"), 4)).toBe(9);
    expect(decoder.done).toBe(true);
  });

  test("stops behind some chunks when the consumer wants no more for now, and goes on from there", () => {
    const bytes = Buffer.from(`${"1\r\na\r\n".repeat(100)}0\r\n\r\n`);
    let body = "";
    const onChunk = (data: Uint8Array): boolean => {
      body += Buffer.from(data).toString();
      return false;
    };
    const decoder = new ChunkedDecoder({ onChunk }, limits);
    const stopped = decoder.feed(bytes, 0) as number;
    expect(stopped).toBeLessThan(bytes.length);
    expect([body.length, decoder.done]).toEqual([Math.ceil(stopped / 6), false]);
    expect([decoder.feed(bytes, stopped), body, decoder.done]).toEqual([
      bytes.length,
      "a".repeat(100),
      true,
    ]);
  });

  test("hands small chunks on together, and touches nothing before or behind what it reads", () => {
    const large = "b".repeat(5_000);
    const text = `2\r\nab\r\n3\r\ncde\r\n1388\r\n${large}\r\n28\r\n${"f".repeat(40)}\r\n1\r\ng`;
    const bytes = Buffer.from(`before${text}\r\n0\r\n\r\nbehind`);
    const pieces: string[] = [];
    const onChunk = (data: Uint8Array): boolean => pieces.push(Buffer.from(data).toString()) > 0;
    const decoder = new ChunkedDecoder({ onChunk }, limits);
    expect(decoder.feed(bytes, 6)).toBe(bytes.length - 6);
    expect(pieces).toEqual(["abcde", `${large}${"f".repeat(40)}g`]);
    expect(bytes.toString()).toStartWith("before");
    expect(bytes.toString()).toEndWith("behind");
  });

  test("is not done before the last line end", () => {
    for (const text of ["5\r\nhello\r\n", "0\r\n", "0\r\n\r", "0\r\nA: b\r\n", "0", ""]) {
      const { decoder, end } = decode(text);
      expect(decoder.done).toBe(false);
      expect(end).toBe(text.length);
    }
  });

  test("drops extensions, also with blanks around them", () => {
    expect(decode('5;a=b\r\nhello\r\n1 \t; c="d;\xe9"\r\n!\r\n0;e\r\n\r\n').body).toBe("hello!");
  });

  test.each([
    ["no size", "\r\n"],
    ["no size but an extension", ";a\r\n"],
    ["a prefix of hex", "0x5\r\nhello\r\n"],
    ["a sign", "+5\r\nhello\r\n"],
    ["a minus sign", "-5\r\nhello\r\n"],
    ["an underscore", "1_0\r\n"],
    ["a letter beyond F", "g\r\n"],
    ["a byte below the digits", "/\r\n"],
    ["a byte above the digits", ":\r\n"],
    ["a byte below the letters", "@\r\n"],
    ["a blank before the size", " 5\r\nhello\r\n"],
    ["a blank behind the size", "5 \r\nhello\r\n"],
    ["a tab behind the size", "5\t\r\nhello\r\n"],
    ["a blank between digits", "1 0\r\n"],
    ["a quote", '"5"\r\n'],
    ["17 digits", `${"0".repeat(16)}5\r\nhello\r\n`],
    ["a size beyond 63 bits", "8000000000000000\r\n"],
    ["a size beyond exact numbers", "20000000000001\r\n"],
    ["the largest 64-bit size", "ffffffffffffffff\r\n"],
    ["a bare LF behind the size", "5\nhello\r\n"],
    ["a bare CR behind the size", "5\rhello\r\n"],
    ["two CRs behind the size", "5\r\r\nhello\r\n"],
    ["a bare LF in an extension", "5;a\nhello\r\n"],
    ["a bare CR in an extension", "5;a\rb\r\nhello\r\n"],
    ["NUL in an extension", "5;a\0\r\nhello\r\n"],
    ["DEL in an extension", "5;\x7f\r\nhello\r\n"],
    ["NUL behind the size", "5\0\r\nhello\r\n"],
    ["no line end behind the data", "5\r\nhello0\r\n\r\n"],
    ["a bare LF behind the data", "5\r\nhello\n0\r\n\r\n"],
    ["a bare CR behind the data", "5\r\nhello\r0\r\n\r\n"],
    ["more data than announced", "5\r\nhello!\r\n0\r\n\r\n"],
    ["a blank behind the data", "5\r\nhello \r\n0\r\n\r\n"],
    ["a long line", `5;${"a".repeat(64)}\r\nhello\r\n`],
    ["a long line that has no end yet", `5;${"a".repeat(64)}`],
  ])("refuses %s", (_, text) => {
    expect(decode(text).status).toBe(400);
  });

  test("refuses nonsense before its line is complete", () => {
    expect(decode("x").status).toBe(400);
    expect(decode("5\r\nhellox").status).toBe(400);
    expect(decode("5\n").status).toBe(400);
  });

  test("takes single bytes as chunks for ever", () => {
    expect(decode(`${"1\r\nx\r\n".repeat(5_000)}0\r\n\r\n`).body.length).toBe(5_000);
  });

  test("refuses extensions that outweigh the data by far", () => {
    expect(decode(`1;${"a".repeat(50)}\r\nx\r\n`.repeat(5)).status).toBeUndefined();
    expect(decode(`1;${"a".repeat(50)}\r\nx\r\n`.repeat(50)).status).toBe(400);
  });

  test("gives trailers, without those that frame, route or authenticate", () => {
    const unsafe = ["Content-Length: 5", "Host: h", "Authorization: a"];
    const { decoder } = decode(`0\r\nX-Sum: 1\r\n${unsafe.join("\r\n")}\r\n\r\n`);
    expect(decoder.done).toBe(true);
    expect(decoder.trailers?.names).toEqual(["X-Sum"]);
    expect(decoder.trailers?.values).toEqual(["1"]);
  });

  test.each([
    "Transfer-Encoding",
    "Connection",
    "Cookie",
    "Set-Cookie",
    "Trailer",
    "Content_Length",
    "transfer_Encoding",
    "X-Forwarded-For",
    "x_forwarded_proto",
    "X-Request-Id",
    "X_Real_IP",
    "X-Kamal-Target",
    "Forwarded",
  ])("leaves %s out of the trailers", (name) => {
    const { decoder } = decode(`0\r\n${name}: a\r\n\r\n`);
    expect(decoder.done).toBe(true);
    expect(decoder.trailers).toBeNull();
  });

  test.each([
    ["a line without colon", "ab\r\n\r\n"],
    ["a folded line", "A: b\r\n c\r\n\r\n"],
    ["a blank before the colon", "A : b\r\n\r\n"],
    ["a bare LF", "A: b\nC: d\r\n\r\n"],
    ["a bare LF as the last line", "A: b\r\n\n"],
    ["only a bare LF", "\n"],
    ["a bare CR", "A: b\rc\r\n\r\n"],
    ["NUL", "A: \0\r\n\r\n"],
    ["too many fields", `${"A: b\r\n".repeat(5)}\r\n`],
    ["a section too large", `A: ${"b".repeat(130)}`],
    ["many lines, too large together", "Abc: defghi\r\n".repeat(11)],
  ])("refuses trailers with %s", (_, section) => {
    expect(decode(`0\r\n${section}`).status).toBe(400);
  });
});

test("chunkHeader writes the size in hex", () => {
  expect(chunkHeader(255)).toBe("ff\r\n");
});

test("lastChunk writes trailers, and nothing that ends them early", () => {
  expect(lastChunk(null)).toBe("0\r\n\r\n");
  expect(lastChunk(Fields.of(["A", "b"], ["C", "d\r\n\r\ne"]))).toBe(
    "0\r\nA: b\r\nC: d    e\r\n\r\n",
  );
});
