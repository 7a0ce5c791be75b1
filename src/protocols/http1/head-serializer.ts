/**
 * Message heads as text (RFC 9112 2 to 5), one character per byte. A forwarded head is built in one
 * pass over the received fields: begin with a line, append the fields that stay and the proxy's own,
 * end with `endOfHead`. Measured: adding to one string is as fast as joining an array and needs no
 * second pass; looking a key up in one Set costs less than any chain of comparisons; and lines that stay as
 * they came are cut out together, because the engine goes through each piece again when the text is written.
 */
import { keptText } from "../../lib/kept-text.ts";
import { characterSearch } from "../http/character-search.ts";
import { isFieldValue, isToken, type Fields } from "../http/fields.ts";

export const endOfHead = "\r\n";
/** A colon and a blank before the value, CRLF behind it. */
const aroundValue = 4;

// Whatever would end the line early or is not one byte.
// oxlint-disable-next-line no-control-regex
const unsafeInValue = /[\0-\x08\x0a-\x1f\x7f\u0100-\uffff]/g;
const isUnsafeInTarget = characterSearch(
  // oxlint-disable-next-line no-control-regex
  /[\0-\x20\x7f\u0100-\uffff]/,
  // oxlint-disable-next-line no-control-regex
  /[^\x21-\x7e\x80-\xff]/,
);

/** The target must be one already; what would break the line is a mistake of the caller. */
export function requestLine(method: string, target: string): string {
  if (!isToken(method) || target === "" || isUnsafeInTarget(target)) {
    throw new TypeError("a request line needs a token and a target without blanks");
  }
  return `${method} ${target} HTTP/1.1\r\n`;
}

export const statusLine = keptText(
  (status: number, reason: string) => `HTTP/1.1 ${status} ${safeValue(reason)}\r\n`,
);

/** Adds one line. Names are the proxy's own and must be tokens; values may come from anywhere. */
export function appendField(text: string, name: string, value: string): string {
  return `${text}${name}: ${safeValue(value)}\r\n`;
}

/** Adds all lines but those whose key is in one of the sets. */
export function appendFields(
  text: string,
  fields: Fields,
  skipped: ReadonlySet<string> | null,
  alsoSkipped: ReadonlySet<string> | null = null,
): string {
  if (!fields.wellFormed) return appendUnchecked(text, fields, skipped, alsoSkipped);
  const { names, keys, values, head, starts } = fields;
  let result = text;
  // Lines of the head that go on together.
  let from = 0;
  let to = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (skipped !== null && skipped.has(key)) continue;
    if (alsoSkipped !== null && alsoSkipped.has(key)) continue;
    const start = starts[i]!;
    if (start !== to || start < 0) {
      if (to > from) result += head.slice(from, to);
      from = to = start;
    }
    if (start < 0) result += `${names[i]}: ${values[i]}\r\n`;
    else to += names[i]!.length + values[i]!.length + aroundValue;
  }
  return to > from ? result + head.slice(from, to) : result;
}

/** Fields that did not come from the strict parser: each is looked at. */
function appendUnchecked(
  text: string,
  fields: Fields,
  skipped: ReadonlySet<string> | null,
  alsoSkipped: ReadonlySet<string> | null,
): string {
  let result = text;
  for (let i = 0; i < fields.count; i++) {
    const name = fields.names[i]!;
    const key = fields.keys[i]!;
    if (skipped?.has(key) || alsoSkipped?.has(key) || !isToken(name)) continue;
    result += `${name}: ${safeValue(fields.values[i]!)}\r\n`;
  }
  return result;
}

export function serializeResponseHead(status: number, reason: string, fields: Fields): string {
  return appendFields(statusLine(status, reason), fields, null) + endOfHead;
}

/** Recipients may replace such characters by blanks as well (RFC 9110 5.5). */
function safeValue(value: string): string {
  return isFieldValue(value) ? value : value.replace(unsafeInValue, " ");
}
