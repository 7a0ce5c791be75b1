/** Integers and booleans in the syntax of Go's `strconv`, with its error texts. */
import { goQuote } from "./quote.ts";

export type Parsed<T> = { value: T } | { error: string };

/** Digits with optional sign; a base prefix and `_` between digits where base 0 is asked for. */
const basedSyntax =
  /^[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;
const decimalSyntax = /^[+-]?[0-9]+$/;
const maxInt64 = 2n ** 63n - 1n;
/** The largest number that is exact in a double and fits Go's int64. */
export const maxGoInteger = 9_223_372_036_854_774_784;

const trueWords = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const falseWords = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/**
 * A signed 64 bit integer with optional base prefix. Beyond what a number holds exactly (nine
 * petabytes) the nearest exact one stands in.
 */
export function parseGoInteger(text: string): Parsed<number> {
  if (!basedSyntax.test(text)) return failure("ParseInt", text, "invalid syntax");
  return toNumber("ParseInt", text, text.replaceAll("_", ""));
}

/** A decimal integer only, as environment variables are read. */
export function parseGoDecimal(text: string): Parsed<number> {
  if (!decimalSyntax.test(text)) return failure("Atoi", text, "invalid syntax");
  return toNumber("Atoi", text, text.replace(/^([+-]?)0+(?=[0-9])/, "$1"));
}

export function parseGoBoolean(text: string): Parsed<boolean> {
  if (trueWords.has(text)) return { value: true };
  if (falseWords.has(text)) return { value: false };
  return failure("ParseBool", text, "invalid syntax");
}

function toNumber(name: string, text: string, digits: string): Parsed<number> {
  const negative = digits.startsWith("-");
  const unsigned = digits.replace(/^[+-]/, "").replace(/^0(?=[0-7])/, "0o");
  const magnitude = BigInt(unsigned);
  if (magnitude > (negative ? maxInt64 + 1n : maxInt64)) {
    return failure(name, text, "value out of range");
  }
  const exact = Math.min(Number(magnitude), Number.MAX_SAFE_INTEGER);
  return { value: negative && exact !== 0 ? -exact : exact };
}

function failure(name: string, text: string, reason: string): { error: string } {
  return { error: `strconv.${name}: parsing ${goQuote(text)}: ${reason}` };
}
