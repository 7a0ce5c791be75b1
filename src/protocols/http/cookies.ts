/** Reading the Cookie field (RFC 6265 4.2), as Go's net/http does. */
import { trimBlanks } from "./fields.ts";

/** What Go leaves a cookie out for: control characters, quotes, backslashes, bytes above ASCII. */
const invalidValue = /[^\x20-\x7e]|["\\]/;

/**
 * The value of the first valid cookie of that name with surrounding quotes removed,
 * or undefined when there is none. Names are compared with case.
 */
export function cookieValue(cookieFields: string[], name: string): string | undefined {
  for (const field of cookieFields) {
    if (!field.includes(name)) continue;
    for (const part of field.split(";")) {
      const pair = trimBlanks(part);
      const equals = pair.indexOf("=");
      if (trimBlanks(equals < 0 ? pair : pair.slice(0, equals)) !== name) continue;
      const value = unquoted(equals < 0 ? "" : pair.slice(equals + 1));
      if (!invalidValue.test(value)) return value;
    }
  }
  return undefined;
}

function unquoted(value: string): string {
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return quoted ? value.slice(1, -1) : value;
}
