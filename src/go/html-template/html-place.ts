/** Where in an HTML document a piece of template text ends: what decides whether a value can follow, and how. */

export type Place =
  | { kind: "text" | "comment" }
  /** In the text of <title> and <textarea>, which has no tags; in <script> and <style>. */
  | { kind: "rcdata" | "raw"; element: string }
  /** Between the attributes of a tag; in a name, or in a value without quotes. */
  | { kind: "tag" | "word"; element: string }
  /** In a value in quotes; `attribute` is empty when a value can be put there. */
  | { kind: "value"; element: string; attribute: string; quote: string };

export const startPlace: Place = { kind: "text" };

/** Called for text that no HTML reader can make sense of, and where that is in it. */
type Fail = (reason: string, position: number) => never;

/** How far one place goes, what comes behind it, and what it is in the page if not what was read. */
type Step = [end: number, place: Place, output?: string];

/** Reads text from `place` on. `output` is the text without comments, and with `&lt;` for a `<` that opens nothing. */
export function readHtml(place: Place, text: string, fail: Fail): { place: Place; output: string } {
  let written = "";
  let position = 0;
  while (position < text.length) {
    const [end, next, output] = readStep(place, text, position, fail);
    written += output ?? text.slice(position, end);
    position = end;
    place = next;
  }
  return { place, output: written };
}

export function describedPlace(place: Place): string {
  if (place.kind === "value") return `an attribute value in ${place.quote}`;
  if (place.kind === "rcdata" || place.kind === "raw") return `the text of <${place.element}>`;
  return place.kind === "tag" || place.kind === "word" ? "a tag" : place.kind;
}

function readStep(place: Place, text: string, position: number, fail: Fail): Step {
  switch (place.kind) {
    case "text":
      return readText(text, position);
    case "comment": {
      const close = text.indexOf("-->", position);
      return close < 0 ? [text.length, place, ""] : [close + 3, startPlace, ""];
    }
    case "rcdata":
    case "raw": {
      // Up to the end tag of the element, which is read as text.
      const content = new RegExp(`[^]*?(?=</${place.element}[\\t\\n\\f\\r />])`, "iy");
      const found = matchAt(content, text, position)?.[0];
      const inside = found ?? text.slice(position);
      const output = place.kind === "rcdata" ? inside.replaceAll("<", "&lt;") : inside;
      return [position + inside.length, found === undefined ? place : startPlace, output];
    }
    case "tag":
    case "word":
      return readTag(place.element, text, position, fail);
    case "value": {
      const close = text.indexOf(place.quote, position);
      return close < 0
        ? [text.length, place]
        : [close + 1, { kind: "tag", element: place.element }];
    }
  }
}

function readText(text: string, position: number): Step {
  const open = text.indexOf("<", position);
  if (open < 0) return [text.length, startPlace];
  const before = text.slice(position, open);
  if (text.startsWith("<!--", open)) return [open + 4, { kind: "comment" }, before];
  const tag = matchAt(/<(\/?)([a-z][^\t\n\f\r />]*)/iy, text, open);
  if (tag !== null) {
    return behindWord(text, open + tag[0].length, tag[1] === "" ? tag[2]!.toLowerCase() : "");
  }
  const isDoctype = matchAt(/<!doctype/iy, text, open) !== null;
  return [open + 1, startPlace, before + (isDoctype ? "<" : "&lt;")];
}

/** One attribute, up to the first quote of its value, or the end of the tag. */
function readTag(element: string, text: string, position: number, fail: Fail): Step {
  const start = position + matchAt(/[\t\n\f\r /]*/y, text, position)![0].length;
  if (start === text.length) return [start, { kind: "tag", element }];
  if (text[start] === ">") return [start + 1, contentOf(element)];
  const attribute = matchAt(
    /([^\t\n\f\r "'/<=>]+)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:(["'])|[^\t\n\f\r "'<=>`]*))?/y,
    text,
    start,
  );
  if (attribute === null) {
    const found = JSON.stringify(text[start]);
    return fail(`expected blank, attribute or > in a tag, found ${found}`, start);
  }
  const end = start + attribute[0].length;
  const [, name = "", quote] = attribute;
  if (quote === undefined) return behindWord(text, end, element);
  const unsafe = isUnsafe(element, name.toLowerCase()) ? name : "";
  return [end, { kind: "value", element, attribute: unsafe, quote }];
}

/** What follows could belong to the word. */
function behindWord(text: string, end: number, element: string): Step {
  return [end, { kind: end === text.length ? "word" : "tag", element }];
}

function contentOf(element: string): Place {
  if (element === "title" || element === "textarea") return { kind: "rcdata", element };
  if (element === "script" || element === "style") return { kind: "raw", element };
  return startPlace;
}

const addressAttributes =
  /^(?:action|archive|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap|xmlns)$/;

/** Addresses, scripts, styles and documents: escaping alone can't make a value safe in them. */
function isUnsafe(element: string, name: string): boolean {
  if (element === "meta" && name === "content") return true;
  // Looks behind `data-` and the prefix of a namespace, as in `xlink:href`.
  const key = name.replace(/^data-|^.*:/, "");
  if (key === "srclang") return false;
  return (
    name.startsWith("xmlns") || /^on|^style$|src|ur[il]/.test(key) || addressAttributes.test(key)
  );
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}
