/**
 * Percent-encoding of byte strings, one character per byte (RFC 3986 2.1). Targets may be of 1 MB and of
 * nothing but escapes: they go through one buffer, where a callback a character took half a second.
 */

/** Which of the 256 bytes are meant. */
export interface ByteSet {
  /** Tells quickly that a text has none of them. */
  readonly pattern: RegExp;
  readonly has: Uint8Array;
}

/** `pattern` matches each of the characters by itself; it has no flag. */
export function byteSet(pattern: RegExp): ByteSet {
  const has = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    has[byte] = pattern.test(String.fromCharCode(byte)) ? 1 : 0;
  }
  return { pattern, has };
}

const percent = 0x25;
const upperHex = Buffer.from("0123456789ABCDEF", "latin1");
const noDigit = 255;
const hexValues = new Uint8Array(256).fill(noDigit);
for (let value = 0; value < 16; value++) {
  hexValues[upperHex[value]!] = value;
  hexValues[value.toString(16).charCodeAt(0)] = value;
}

/** The text with the bytes of the set encoded, everything else as it was. */
export function percentEncode(text: string, { pattern, has }: ByteSet): string {
  if (!pattern.test(text)) return text;
  const bytes = Buffer.from(text, "latin1");
  let count = 0;
  for (let i = 0; i < bytes.length; i++) count += has[bytes[i]!]!;
  const encoded = Buffer.allocUnsafe(bytes.length + 2 * count);
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (has[byte] === 0) {
      encoded[end++] = byte;
      continue;
    }
    encoded[end++] = percent;
    encoded[end++] = upperHex[byte >> 4]!;
    encoded[end++] = upperHex[byte & 15]!;
  }
  return encoded.latin1Slice(0, end);
}

const badEscape = /%(?![0-9A-Fa-f]{2})/;

/** Whether a percent sign is not followed by two hexadecimal digits. */
export function hasBrokenEscape(text: string): boolean {
  return text.includes("%") && badEscape.test(text);
}

/** The text with its escapes decoded, or undefined when one is broken. */
export function percentDecode(text: string): string | undefined {
  const first = text.indexOf("%");
  if (first < 0) return text;
  const bytes = Buffer.from(text, "latin1");
  let end = first;
  for (let i = first; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === percent) {
      // Behind the end stands no digit either.
      const high = hexValues[bytes[i + 1] ?? 0]!;
      const low = hexValues[bytes[i + 2] ?? 0]!;
      if (high === noDigit || low === noDigit) return undefined;
      byte = high * 16 + low;
      i += 2;
    }
    bytes[end++] = byte;
  }
  return bytes.latin1Slice(0, end);
}

/** What the characters from `start` to before `end` of the decoded text are in the text itself. */
export function encodedSpan(text: string, decoded: string, start: number, end: number): string {
  if (text.length === decoded.length) return text.slice(start, end);
  const from = encodedIndex(text, 0, start);
  return text.slice(from, encodedIndex(text, from, end - start));
}

/** Index behind so many characters from `from` on, an escape being one. */
function encodedIndex(text: string, from: number, count: number): number {
  let index = from;
  for (let i = 0; i < count; i++) index += text.charCodeAt(index) === percent ? 3 : 1;
  return index;
}
