/** Reading the Cookie field (RFC 6265 4.2), as Go's net/http does. */

/**
 * The value of the first cookie of that name with surrounding quotes removed,
 * or undefined when there is none. Names are compared with case.
 */
export function cookieValue(cookieFields: string[], name: string): string | undefined {
  for (const field of cookieFields) {
    for (const part of field.split(";")) {
      const pair = part.trim();
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      const value = pair.slice(equals + 1);
      const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
      return quoted ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}
