/** Go's string, character and number literals. Pure. */

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

const escape =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))|\\/g;

/** The value of a literal in double quotes or backquotes; undefined when it is malformed. */
export function unquote(literal: string): string | undefined {
  if (literal.startsWith("`")) return literal.slice(1, -1).replaceAll("\r", "");
  return unescape(literal.slice(1, -1));
}

/** The value of a number or character literal; undefined when it is malformed. */
export function parseNumber(literal: string): number | undefined {
  if (literal.startsWith("'")) {
    const characters = [...(unescape(literal.slice(1, -1)) ?? "")];
    return characters.length === 1 ? characters[0]!.codePointAt(0) : undefined;
  }
  const sign = literal.startsWith("-") ? -1 : 1;
  const digits = literal.replace(/^[+-]/, "").replaceAll("_", "");
  const octal = /^0[0-7]+$/.test(digits);
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  return Number.isNaN(value) ? undefined : sign * value;
}

function unescape(text: string): string | undefined {
  let malformed = false;
  const value = text.replace(
    escape,
    (_, hex?: string, u?: string, bigU?: string, octal?: string, simple?: string) => {
      if (simple !== undefined) return simpleEscapes[simple]!;
      const code =
        octal === undefined
          ? Number.parseInt(hex ?? u ?? bigU ?? "", 16)
          : Number.parseInt(octal, 8);
      if (code >= 0 && code <= 0x10ffff) return String.fromCodePoint(code);
      malformed = true;
      return "";
    },
  );
  return malformed ? undefined : value;
}
