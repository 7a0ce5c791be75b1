/** Reading the Cookie field (RFC 6265 4.2), as Go's net/http does. */
import { maxCookiesOfOneName } from "../../config/limits.ts";
import { trimBlanks } from "./fields.ts";

/** What Go leaves a cookie out for: control characters, quotes, backslashes, bytes above ASCII. */
const invalidValue = /[^\x20-\x7e]|["\\]/;

/**
 * The value of the first valid cookie of that name with surrounding quotes removed,
 * or undefined when there is none. Names are compared with case.
 */
export function cookieValue(cookieFields: string[], name: string): string | undefined {
  for (const field of cookieFields) {
    // Only the parts that hold the name: a field may have 100,000 others.
    let at = field.indexOf(name);
    for (let tried = 0; at >= 0 && tried < maxCookiesOfOneName; tried++) {
      const start = field.lastIndexOf(";", at) + 1;
      const semicolon = field.indexOf(";", at);
      const end = semicolon < 0 ? field.length : semicolon;
      const value = valueOf(trimBlanks(field.slice(start, end)), name);
      if (value !== undefined && !invalidValue.test(value)) return value;
      at = field.indexOf(name, end);
    }
  }
  return undefined;
}

/** Of one cookie; undefined when it has another name. */
function valueOf(pair: string, name: string): string | undefined {
  const equals = pair.indexOf("=");
  if (trimBlanks(equals < 0 ? pair : pair.slice(0, equals)) !== name) return undefined;
  return unquoted(equals < 0 ? "" : pair.slice(equals + 1));
}

function unquoted(value: string): string {
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return quoted ? value.slice(1, -1) : value;
}
