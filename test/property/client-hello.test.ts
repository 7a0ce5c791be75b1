import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { takesEcdsa } from "../../src/protocols/tls/client-hello.ts";

const two = (value: number): number[] => [value >> 8, value & 255];
const numbers = (values: number[]): number[] => values.flatMap(two);
const vector = (lengthBytes: number, bytes: number[]): number[] => {
  const length: number[] = [];
  for (let i = lengthBytes - 1; i >= 0; i--) length.push((bytes.length >> (8 * i)) & 255);
  return [...length, ...bytes];
};

interface Hello {
  session: number[];
  suites: number[];
  versions: number[] | null;
  groups: number[] | null;
  signatures: number[] | null;
  others: [type: number, body: number[]][];
  /** Where the known ones stand among the others. */
  places: number[];
}

function encode(hello: Hello): Uint8Array {
  const { session, suites, versions, groups, signatures, others, places } = hello;
  const extensions = others.map(([type, body]) => [...two(type), ...vector(2, body)]);
  const known = [
    versions && [...two(43), ...vector(2, vector(1, numbers(versions)))],
    groups && [...two(10), ...vector(2, vector(2, numbers(groups)))],
    signatures && [...two(13), ...vector(2, vector(2, numbers(signatures)))],
  ];
  for (const [i, each] of known.entries()) {
    if (each !== null) extensions.splice(places[i]! % (extensions.length + 1), 0, each);
  }
  const body = [
    ...two(0x0303),
    ...Array.from({ length: 32 }, () => 7),
    ...vector(1, session),
    ...vector(2, numbers(suites)),
    ...vector(1, [0]),
    ...vector(2, extensions.flat()),
  ];
  return Uint8Array.from([22, 3, 1, ...vector(2, [1, ...vector(3, body)])]);
}

const byte = fc.nat(255);
const any16 = fc.nat(0xffff);
const someOf = (...known: number[]) =>
  fc.array(fc.oneof(fc.constantFrom(...known), any16), { maxLength: 6 });
const hellos: fc.Arbitrary<Hello> = fc.record({
  session: fc.array(byte, { maxLength: 32 }),
  suites: someOf(0xc02b, 0xc02f, 0x1301, 0xc00a, 0x002f),
  versions: fc.option(someOf(0x0304, 0x0303, 0x1a1a)),
  groups: fc.option(someOf(23, 24, 29)),
  signatures: fc.option(someOf(0x0403, 0x0503, 0x0401, 0x0804, 0x0203)),
  others: fc.array(
    fc.tuple(
      any16.filter((type) => ![10, 13, 43].includes(type)),
      fc.array(byte, { maxLength: 20 }),
    ),
    { maxLength: 5 },
  ),
  places: fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }),
});

const hasAny = (values: number[], ...wanted: number[]): boolean =>
  wanted.some((each) => values.includes(each));

function expected({ suites, versions, groups, signatures }: Hello): boolean | null {
  if (signatures === null) return null;
  if (versions?.includes(0x0304)) return signatures.includes(0x0403);
  return (
    hasAny(suites, 0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a) &&
    (groups?.includes(23) ?? true) &&
    hasAny(signatures, 0x0403, 0x0503, 0x0603)
  );
}

describe("what a ClientHello tells of ECDSA", () => {
  test("is its versions, suites, groups and signatures, wherever they stand", () => {
    fc.assert(
      fc.property(hellos, (hello) => {
        expect(takesEcdsa(encode(hello))).toBe(expected(hello));
      }),
    );
  });

  test("is nothing before all of it is there, and does not depend on what follows", () => {
    fc.assert(
      fc.property(hellos, fc.nat(), fc.uint8Array({ maxLength: 20 }), (hello, cut, more) => {
        const bytes = encode(hello);
        expect(takesEcdsa(bytes.subarray(0, cut % bytes.length))).toBe(null);
        expect(takesEcdsa(Buffer.concat([bytes, more]))).toBe(expected(hello));
      }),
    );
  });

  test("is asked of any bytes without harm", () => {
    const damaged = fc.tuple(hellos, fc.array(fc.tuple(fc.nat(), byte))).map(([hello, changes]) => {
      const bytes = encode(hello);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        expect([true, false, null]).toContain(takesEcdsa(bytes));
      }),
    );
  });
});
