/** Where in an HTML document a piece of template text ends: what decides whether a value can follow, and how. */

export type Place =
  | { kind: "text" | "comment" }
  /** In the text of <title> and <textarea>, which has no tags; in <script> and <style>. */
  | { kind: "rcdata" | "raw"; element: string }
  /** Between the attributes of a tag. */
  | { kind: "tag"; element: string }
  /** In a name, or in a value without quotes. */
  | { kind: "word"; element: string }
  /** In a value in quotes; `attribute` is empty when a value can be put there. */
  | { kind: "value"; element: string; attribute: string; quote: string };

export const startPlace: Place = { kind: "text" };

/** Text that no HTML reader can make sense of. */
export class HtmlSyntaxError extends Error {
  override readonly name = "HtmlSyntaxError";
  /** Where in the text. */
  readonly position: number;

  constructor(reason: string, position: number) {
    super(reason);
    this.position = position;
  }
}

interface Step {
  place: Place;
  end: number;
  /** When it differs from what was read. */
  output?: string;
}

/** Reads text from `place` on. `output` is the text without comments, and with `&lt;` for a `<` that opens nothing. */
export function readHtml(place: Place, text: string): { place: Place; output: string } {
  let output = "";
  let position = 0;
  while (position < text.length) {
    const step = readStep(place, text, position);
    output += step.output ?? text.slice(position, step.end);
    position = step.end;
    place = step.place;
  }
  return { place, output };
}

function readStep(place: Place, text: string, position: number): Step {
  switch (place.kind) {
    case "text":
      return readText(text, position);
    case "comment":
      return readComment(text, position);
    case "rcdata":
    case "raw":
      return readSpecial(place, text, position);
    case "tag":
    case "word":
      return readTag(place.element, text, position);
    case "value":
      return readValue(place, text, position);
  }
}

function readText(text: string, position: number): Step {
  const open = text.indexOf("<", position);
  if (open < 0) return { place: startPlace, end: text.length };
  const before = text.slice(position, open);
  if (text.startsWith("<!--", open)) {
    return { place: { kind: "comment" }, end: open + 4, output: before };
  }
  const tag = matchAt(/<(\/?)([a-z][^\t\n\f\r />]*)/iy, text, open);
  if (tag !== null) {
    const element = tag[1] === "" ? tag[2]!.toLowerCase() : "";
    const end = open + tag[0].length;
    return { place: { kind: end === text.length ? "word" : "tag", element }, end };
  }
  const isDoctype = matchAt(/<!doctype/iy, text, open) !== null;
  return { place: startPlace, end: open + 1, output: `${before}${isDoctype ? "<" : "&lt;"}` };
}

function readComment(text: string, position: number): Step {
  const close = text.indexOf("-->", position);
  if (close < 0) return { place: { kind: "comment" }, end: text.length, output: "" };
  return { place: startPlace, end: close + 3, output: "" };
}

/** Up to the end tag of the element, which is read as text. */
function readSpecial(
  place: Place & { kind: "rcdata" | "raw" },
  text: string,
  position: number,
): Step {
  const endTag = new RegExp(`</${place.element}(?=[\\t\\n\\f\\r />])`, "gi");
  endTag.lastIndex = position;
  const match = endTag.exec(text);
  const end = match?.index ?? text.length;
  const content = text.slice(position, end);
  const output = place.kind === "rcdata" ? content.replaceAll("<", "&lt;") : content;
  return { place: match === null ? place : startPlace, end, output };
}

/** One attribute, up to the first quote of its value, or the end of the tag. */
function readTag(element: string, text: string, position: number): Step {
  const blank = matchAt(/[\t\n\f\r /]+/y, text, position);
  const start = position + (blank?.[0].length ?? 0);
  if (start === text.length) return { place: { kind: "tag", element }, end: start };
  if (text[start] === ">") return { place: contentOf(element), end: start + 1 };
  const attribute = matchAt(
    /([^\t\n\f\r "'/<=>]+)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:(["'])|[^\t\n\f\r "'<=>`]*))?/y,
    text,
    start,
  );
  if (attribute === null) {
    const found = JSON.stringify(text[start]);
    throw new HtmlSyntaxError(`expected blank, attribute or > in a tag, found ${found}`, start);
  }
  const end = start + attribute[0].length;
  const [, name = "", quote] = attribute;
  if (quote !== undefined) {
    const unsafe = isUnsafe(element, name.toLowerCase()) ? name : "";
    return { place: { kind: "value", element, attribute: unsafe, quote }, end };
  }
  return { place: { kind: end === text.length ? "word" : "tag", element }, end };
}

function readValue(place: Place & { kind: "value" }, text: string, position: number): Step {
  const end = text.indexOf(place.quote, position);
  if (end < 0) return { place, end: text.length };
  return { place: { kind: "tag", element: place.element }, end: end + 1 };
}

function contentOf(element: string): Place {
  if (element === "title" || element === "textarea") return { kind: "rcdata", element };
  if (element === "script" || element === "style") return { kind: "raw", element };
  return startPlace;
}

const addressAttributes = new Set(
  "action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns".split(
    " ",
  ),
);

/** Addresses, scripts, styles and documents: escaping alone can't make a value safe in them. */
function isUnsafe(element: string, name: string): boolean {
  if (element === "meta" && name === "content") return true;
  // Looks behind `data-` and the prefix of a namespace, as in `xlink:href`.
  const key = name.replace(/^data-|^.*:/, "");
  if (key === "srclang") return false;
  if (name.startsWith("xmlns")) return true;
  return /^on|^style$|src|ur[il]/.test(key) || addressAttributes.has(key);
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}
