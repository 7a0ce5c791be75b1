import { expect, test } from "bun:test";
import { readCsvRecord } from "../../../src/go/csv-record.ts";
import { parseGoBoolean, parseGoDecimal, parseGoInteger } from "../../../src/go/number.ts";
import { goQuote } from "../../../src/go/quote.ts";

test.each([
  ["0", 0],
  ["-0", 0],
  ["+5", 5],
  ["0x1F90", 8_080],
  ["0b101", 5],
  ["0o17", 15],
  ["017", 15],
  ["0_7", 7],
  ["-0x_10", -16],
  ["1_000", 1_000],
  ["9223372036854775807", Number.MAX_SAFE_INTEGER],
  ["-9223372036854775808", -Number.MAX_SAFE_INTEGER],
])("parseGoInteger takes %s", (text, value) => {
  expect(parseGoInteger(text)).toEqual({ value });
});

test.each(["", "_1", "1_", "1__0", "09", "0x", "1k", " 1", "1.0", "--1", "0b2"])(
  "parseGoInteger refuses %j",
  (text) => {
    const error = `strconv.ParseInt: parsing "${text}": invalid syntax`;
    expect(parseGoInteger(text)).toEqual({ error });
  },
);

test.each(["9223372036854775808", "-9223372036854775809", "0xffffffffffffffff"])(
  "parseGoInteger finds %s out of range",
  (text) => {
    const error = `strconv.ParseInt: parsing "${text}": value out of range`;
    expect(parseGoInteger(text)).toEqual({ error });
  },
);

test("parseGoDecimal takes decimal digits alone", () => {
  expect(parseGoDecimal("-0010")).toEqual({ value: -10 });
  expect(parseGoDecimal("0x10")).toEqual({
    error: 'strconv.Atoi: parsing "0x10": invalid syntax',
  });
});

test("parseGoBoolean takes Go's twelve words", () => {
  for (const text of ["1", "t", "T", "TRUE", "true", "True"]) {
    expect(parseGoBoolean(text)).toEqual({ value: true });
  }
  for (const text of ["0", "f", "F", "FALSE", "false", "False"]) {
    expect(parseGoBoolean(text)).toEqual({ value: false });
  }
  for (const text of ["", "yes", "tRUE", "toString"]) {
    expect(parseGoBoolean(text)).toHaveProperty("error");
  }
});

test("goQuote escapes what cannot be printed", () => {
  expect(goQuote('a"b\\\n\u0001\u007f\u00a0é\u{1f600}\u{e0001}')).toBe(
    '"a\\"b\\\\\\n\\x01\\x7f\\u00a0é\u{1f600}\\U000e0001"',
  );
});

test.each([
  ["a,b", ["a", "b"]],
  ['"a","b,c"', ["a", "b,c"]],
  ['"a""b"', ['a"b']],
  ["a,", ["a", ""]],
  [" a , b", [" a ", " b"]],
  ["\n\na\nb", ["a"]],
  ['"a\r\nb"', ["a\nb"]],
])("readCsvRecord reads %j", (text, fields) => {
  expect(readCsvRecord(text)).toEqual({ fields });
});

test.each([
  ["", "EOF"],
  ["\r", "EOF"],
  ['a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'],
  ['é,"b', 'parse error on line 1, column 6: extraneous or missing " in quoted-field'],
  ['"a"b"', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
  [
    '"a\nb"c',
    'record on line 1; parse error on line 2, column 2: extraneous or missing " in quoted-field',
  ],
])("readCsvRecord refuses %j", (text, error) => {
  expect(readCsvRecord(text)).toEqual({ error });
});
