/**
 * Strings as JSON, escaped as Go's slog does it: what comes out is valid JSON whatever goes in.
 * Pure.
 */

/** Everything but quote, backslash, control bytes and what is not ASCII. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7f]*$/;

/** A byte string (one character per byte) read as UTF-8; each byte that is not UTF-8 becomes `\ufffd`. */
export function jsonFromBytes(bytes: string): string {
  return `"${escapedBytes(bytes)}"`;
}

/** The same without its quotes. */
export function escapedBytes(bytes: string): string {
  return bytes === "" || plain.test(bytes) ? bytes : escaped(bytes);
}

/** Ordinary text; a lone surrogate becomes `\ufffd`. */
export function jsonFromText(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  let json = "";
  for (const character of text) json += escapedCodePoint(character.codePointAt(0)!);
  return `"${json}"`;
}

function escaped(bytes: string): string {
  let json = "";
  let index = 0;
  while (index < bytes.length) {
    const first = bytes.charCodeAt(index);
    if (first < 0x80) {
      json += escapedCodePoint(first);
      index++;
      continue;
    }
    const length = sequenceLength(bytes, index, first);
    if (length === 0) {
      json += "\\ufffd";
      index++;
      continue;
    }
    json += escapedCodePoint(decode(bytes, index, first, length));
    index += length;
  }
  return json;
}

/** Length of the well-formed UTF-8 sequence that begins here (RFC 3629 4); 0 when there is none. */
function sequenceLength(bytes: string, index: number, first: number): number {
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || index + length > bytes.length) return 0;
  const second = bytes.charCodeAt(index + 1);
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) {
    if ((bytes.charCodeAt(index + i) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function decode(bytes: string, index: number, first: number, length: number): number {
  let codePoint = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++)
    codePoint = (codePoint << 6) | (bytes.charCodeAt(index + i) & 0x3f);
  return codePoint;
}

function escapedCodePoint(code: number): string {
  switch (code) {
    case 0x22:
      return '\\"';
    case 0x5c:
      return "\\\\";
    case 0x0a:
      return "\\n";
    case 0x0d:
      return "\\r";
    case 0x09:
      return "\\t";
    case 0x2028:
      return "\\u2028";
    case 0x2029:
      return "\\u2029";
  }
  if (code < 0x20) return `\\u00${code < 0x10 ? "0" : ""}${code.toString(16)}`;
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd";
  return String.fromCodePoint(code);
}
