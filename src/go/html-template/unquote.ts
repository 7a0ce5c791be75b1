/** Go's string literals. */

const simple: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const escape =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\"]))|\\/g;

/** The value of a literal in double quotes or backquotes; undefined when it is malformed. */
export function unquote(literal: string): string | undefined {
  if (literal.startsWith("`")) return literal.slice(1, -1).replaceAll("\r", "");
  let malformed = false;
  const value = literal
    .slice(1, -1)
    .replace(escape, (_, x?: string, u?: string, U?: string, octal?: string, letter?: string) => {
      if (letter !== undefined) return simple[letter]!;
      const code = octal === undefined ? Number(`0x${x ?? u ?? U}`) : Number(`0o${octal}`);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      malformed = true;
      return "";
    });
  return malformed ? undefined : value;
}
