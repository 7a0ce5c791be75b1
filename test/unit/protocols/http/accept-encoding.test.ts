/** Which content coding a client wants (RFC 9110 12.5.3). */
import { expect, test } from "bun:test";
import { property, string, subarray, constantFrom, array, record, assert } from "fast-check";
import { acceptedCoding } from "../../../../src/protocols/http/accept-encoding.ts";

const offered = ["zstd", "br", "gzip"] as const;

test.each([
  [undefined, null],
  ["", null],
  ["gzip", "gzip"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["GZIP;Q=0.5", "gzip"],
  ["x-gzip", "gzip"],
  ["gzip;q=1.0, br;q=0.9, zstd;q=0.8", "gzip"],
  ["gzip;q=0.8, br ; q=0.8", "br"],
  ["zstd;q=0, br;q=0.000, gzip;q=0.001", "gzip"],
  ["*", "zstd"],
  ["*;q=0.1, gzip", "gzip"],
  ["zstd;q=0, *", "br"],
  ["identity, gzip;q=0.5", null],
  ["identity;q=0.5, gzip", "gzip"],
  ["identity;q=0, gzip;q=0", null],
  ["deflate, compress", null],
  ["gzip;q=2, br;q=1.5, zstd;q=x", null],
  ["gzip;q=0.1234", null],
  ["gzip;level=9;q=0.3", "gzip"],
  [`${"a,".repeat(100)}gzip`, null],
] as [string | undefined, (typeof offered)[number] | null][])(
  "Accept-Encoding %j takes %j",
  (accepted, expected) => {
    expect(acceptedCoding(accepted, offered)).toBe(expected);
  },
);

test("any text is survived, and what is chosen was offered", () => {
  assert(
    property(string(), subarray([...offered]), (accepted, some) => {
      const coding = acceptedCoding(accepted, some);
      expect(coding === null || some.includes(coding)).toBe(true);
    }),
  );
});

test("nothing better is accepted than what is chosen", () => {
  const element = record({
    name: constantFrom(...offered, "identity"),
    thousandths: constantFrom(0, 1, 500, 1000),
  });
  assert(
    property(array(element, { maxLength: 8 }), (elements) => {
      const quality = new Map(elements.map(({ name, thousandths }) => [name, thousandths]));
      const text = elements.map(
        ({ name, thousandths }) => `${name};q=${(thousandths / 1000).toFixed(3)}`,
      );
      const coding = acceptedCoding(text.join(", "), offered);
      const reached = coding === null ? (quality.get("identity") ?? 0) : quality.get(coding)!;
      for (const each of offered) {
        if (coding !== null) expect(quality.get(each) ?? 0).toBeLessThanOrEqual(reached);
        else expect((quality.get(each) ?? 0) === 0 || quality.get(each)! < reached).toBe(true);
      }
    }),
  );
});
