/** JSON as Go's decoder reads it from a file: the first value counts, whatever stands behind it. Pure. */

/** Throws when there is no such value, with the reason that the text as a whole gives. */
export function parseFirstJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const end = endOfFirst(text);
    if (end === text.length) throw error;
    return JSON.parse(text.slice(0, end));
  }
}

/** Where the brackets that are opened first are closed again; the end of the text when they are not. */
function endOfFirst(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (quoted) {
      if (character === "\\") index++;
      else quoted = character !== '"';
    } else if (character === '"') {
      quoted = true;
    } else if (character === "[" || character === "{") {
      depth++;
    } else if (character === "]" || character === "}") {
      depth--;
      if (depth === 0) return index + 1;
    }
  }
  return text.length;
}
