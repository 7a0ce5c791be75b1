/** Where in an HTML document a piece of template text ends: what decides how the next value is escaped. Pure. */

export type ContextState =
  | "text"
  | "comment"
  /** In the text of <title> and <textarea>, which has no tags. */
  | "rcdata"
  /** In <script> and <style>. */
  | "raw"
  | "tag"
  | "attributeName"
  | "afterName"
  | "beforeValue"
  | "value";

/** `meta` is the content of <meta>, `metaUrl` the same behind `url=`. */
export type AttributeKind = "plain" | "url" | "meta" | "metaUrl" | "unsupported";

export interface HtmlContext {
  readonly state: ContextState;
  /** The element whose tag or special text this is, when it is one that matters; else empty. */
  readonly element: string;
  readonly attribute: AttributeKind;
  /** How the value is quoted; a blank when it is not. */
  readonly delimiter: "" | '"' | "'" | " ";
  /** Which part of an address comes next. */
  readonly urlPart: "start" | "path" | "query" | "unknown";
}

export const startContext: HtmlContext = {
  state: "text",
  element: "",
  attribute: "plain",
  delimiter: "",
  urlPart: "start",
};

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

/** Reads text from `context` on. `output` is the text without comments, and with `&lt;` for a `<` that opens nothing. */
export function readHtml(
  context: HtmlContext,
  text: string,
): { context: HtmlContext; output: string } {
  let output = "";
  let position = 0;
  while (position < text.length) {
    const step = steps[context.state](context, text, position);
    output += step.output ?? text.slice(position, step.end);
    // A step that only changes the state leaves the position.
    position = step.end;
    context = step.context;
  }
  return { context, output };
}

interface Step {
  context: HtmlContext;
  end: number;
  /** When it differs from what was read. */
  output?: string;
}

const steps: Readonly<
  Record<ContextState, (context: HtmlContext, text: string, position: number) => Step>
> = {
  text: readText,
  comment: readComment,
  rcdata: readSpecial,
  raw: readSpecial,
  tag: readTag,
  attributeName: readAttributeName,
  afterName: readAfterName,
  beforeValue: readBeforeValue,
  value: readValue,
};

function readText(context: HtmlContext, text: string, position: number): Step {
  const open = text.indexOf("<", position);
  if (open < 0) return { context, end: text.length };
  const before = text.slice(position, open);
  if (text.startsWith("<!--", open))
    return { context: { ...context, state: "comment" }, end: open + 4, output: before };
  const tag = /^<(\/?)([A-Za-z](?:[A-Za-z0-9]|[:-](?=[A-Za-z0-9]))*)/.exec(
    text.slice(open, open + 100),
  );
  if (tag !== null) {
    const name = tag[2]!.toLowerCase();
    const element = tag[1] === "" && specialElements.has(name) ? name : "";
    return { context: { ...startContext, state: "tag", element }, end: open + tag[0].length };
  }
  const isDoctype = text.slice(open, open + 9).toUpperCase() === "<!DOCTYPE";
  return { context, end: open + 1, output: `${before}${isDoctype ? "<" : "&lt;"}` };
}

function readComment(context: HtmlContext, text: string, position: number): Step {
  const close = text.indexOf("-->", position);
  if (close < 0) return { context, end: text.length, output: "" };
  return { context: { ...context, state: "text" }, end: close + 3, output: "" };
}

/** Up to the end tag of the element; it is read as text. */
function readSpecial(context: HtmlContext, text: string, position: number): Step {
  const endTag = new RegExp(`</${context.element}(?=[> \\t\\n\\f/])`, "gi");
  endTag.lastIndex = position;
  const match = endTag.exec(text);
  const end = match === null ? text.length : match.index;
  const output = text.slice(position, end);
  return {
    context: match === null ? context : startContext,
    end,
    output: context.state === "rcdata" ? output.replaceAll("<", "&lt;") : output,
  };
}

function readTag(context: HtmlContext, text: string, position: number): Step {
  const start = skipBlanks(text, position);
  if (start === text.length) return { context, end: start };
  if (text[start] === ">") {
    const { element } = context;
    if (element === "" || element === "meta") return { context: startContext, end: start + 1 };
    const state = element === "title" || element === "textarea" ? "rcdata" : "raw";
    return { context: { ...startContext, state, element }, end: start + 1 };
  }
  const end = nameEnd(text, start);
  if (end === start)
    throw new HtmlSyntaxError(
      `expected blank, attribute name or > in a tag, found ${JSON.stringify(text[start])}`,
      start,
    );
  const attribute = attributeKind(context.element, text.slice(start, end).toLowerCase());
  const state = end === text.length ? "attributeName" : "afterName";
  return { context: { ...startContext, state, element: context.element, attribute }, end };
}

function readAttributeName(context: HtmlContext, text: string, position: number): Step {
  const end = nameEnd(text, position);
  return { context: end === text.length ? context : { ...context, state: "afterName" }, end };
}

function readAfterName(context: HtmlContext, text: string, position: number): Step {
  const start = skipBlanks(text, position);
  if (start === text.length) return { context, end: start };
  if (text[start] !== "=")
    return { context: { ...context, state: "tag", attribute: "plain" }, end: start };
  return { context: { ...context, state: "beforeValue" }, end: start + 1 };
}

function readBeforeValue(context: HtmlContext, text: string, position: number): Step {
  const start = skipBlanks(text, position);
  if (start === text.length) return { context, end: start };
  const quote = text[start];
  if (quote === '"' || quote === "'")
    return { context: { ...context, state: "value", delimiter: quote }, end: start + 1 };
  return { context: { ...context, state: "value", delimiter: " " }, end: start };
}

function readValue(context: HtmlContext, text: string, position: number): Step {
  const rest = text.slice(position);
  const length =
    context.delimiter === " " ? rest.search(/[ \t\n\f\r>]/) : rest.indexOf(context.delimiter);
  const value = length < 0 ? rest : rest.slice(0, length);
  if (context.delimiter === " " && /["'<=`]/.test(value)) {
    throw new HtmlSyntaxError(
      `unexpected character in an attribute value without quotes: ${JSON.stringify(value)}`,
      position,
    );
  }
  if (length < 0) return { context: insideValue(context, value), end: text.length };
  const end = position + length + (context.delimiter === " " ? 0 : 1);
  return { context: { ...startContext, state: "tag", element: context.element }, end };
}

function insideValue(context: HtmlContext, value: string): HtmlContext {
  const { attribute, urlPart } = context;
  if (attribute === "meta" && /url\s*=/i.test(value)) return { ...context, attribute: "metaUrl" };
  if (attribute !== "url") return context;
  // Entities that stand for these count as well.
  if (/[?#]|&(?:quest|num|#0*63|#0*35|#x0*3f|#x0*23);/i.test(value))
    return { ...context, urlPart: "query" };
  return urlPart === "start" && value.trim() !== "" ? { ...context, urlPart: "path" } : context;
}

function skipBlanks(text: string, position: number): number {
  while (position < text.length && " \t\n\f\r".includes(text[position]!)) position++;
  return position;
}

function nameEnd(text: string, position: number): number {
  for (let i = position; i < text.length; i++) {
    const character = text[i]!;
    if (" \t\n\f\r=>".includes(character)) return i;
    if ("'\"<".includes(character))
      throw new HtmlSyntaxError(`${JSON.stringify(character)} in an attribute name`, i);
  }
  return text.length;
}

const specialElements = new Set(["script", "style", "title", "textarea", "meta"]);

const urlAttributes = new Set(
  "action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns".split(
    " ",
  ),
);
/** Documents, styles and lists of addresses: escaping alone can't make a value safe in them. */
const unsupportedAttributes = new Set(["srcdoc", "srcset", "style"]);
/** Known to hold no address, though their names look so. */
const plainAttributes = new Set(["srclang"]);

function attributeKind(element: string, name: string): AttributeKind {
  if (element === "meta" && name === "content") return "meta";
  if (name.startsWith("xmlns:")) return "url";
  // Looks behind `data-` and the prefix of a namespace, as in `xlink:href`.
  const key = name.startsWith("data-")
    ? name.slice("data-".length)
    : name.slice(name.indexOf(":") + 1);
  if (unsupportedAttributes.has(key) || key.startsWith("on")) return "unsupported";
  if (plainAttributes.has(key)) return "plain";
  return urlAttributes.has(key) || /src|uri|url/.test(key) ? "url" : "plain";
}
