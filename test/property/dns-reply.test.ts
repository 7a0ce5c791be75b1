/** What a name server sends back may be anything: it is read to its end, or refused, and never followed for ever. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isSignedBy,
  readReply,
  sign,
  soaQuestion,
} from "../../src/control-plane/certificates/acme/dns/dns-update-message.ts";

const key = { name: "key.test", algorithm: "hmac-sha256", secret: Buffer.from("secret") } as const;

function readOrRefused(reply: Buffer): unknown {
  try {
    return [readReply(reply, 7), isSignedBy(reply, key, Buffer.alloc(32))];
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return "refused";
  }
}

/** Header of an answer with one question, whose name follows. */
const header = [0, 7, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const label = (length: number): number[] => [length, ...Array.from({ length }, () => 0x61)];

describe("an answer of a name server", () => {
  test("whose names do not end, or are too long, is refused", () => {
    for (const name of [
      [...label(1), 0xc0, 12],
      [0xc0, 12],
      [0xc0, 14, 0xc0, 12],
      [...label(63), ...label(63), ...label(63), ...label(63), 0],
      [...label(100), 0],
      [0x80, 0],
    ]) {
      expect(readOrRefused(Buffer.from([...header, ...name, 0, 6, 0, 1]))).toBe("refused");
    }
    const longest = [...label(63), ...label(63), ...label(63), ...label(61), 0];
    expect(readOrRefused(Buffer.from([...header, ...longest, 0, 6, 0, 1]))).not.toBe("refused");
  });

  test("is read or refused, whatever it holds", () => {
    const question = soaQuestion(7, "_acme-challenge.app.test");
    const signed = sign(question, key, 1_700_000_000).message;
    const damaged = fc
      .array(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0xc0, 12, 0x80), fc.nat(255))), {
        maxLength: 8,
      })
      .map((changes) => {
        const bytes = Buffer.from(signed);
        bytes[2]! |= 0x80;
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    const any = fc.uint8Array({ maxLength: 100 }).map((rest) => Buffer.from([...header, ...rest]));
    fc.assert(fc.property(fc.oneof(damaged, any), (reply) => void readOrRefused(reply)));
  });
});
