/** Text in quotes as Go's `strconv.Quote` writes it, for messages that users compare. */

const shortEscapes: Record<string, string> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

export function goQuote(text: string): string {
  return quoteWith(text, '"');
}

/** One character in single quotes. */
export function goQuoteRune(character: string): string {
  return quoteWith(character, "'");
}

function quoteWith(text: string, mark: string): string {
  let quoted = mark;
  for (const character of text) {
    quoted += character === mark ? `\\${mark}` : escapeCharacter(character);
  }
  return quoted + mark;
}

function escapeCharacter(character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (printable.test(character)) return character;
  const code = character.codePointAt(0)!;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
