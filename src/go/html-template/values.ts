/** What templates work with, and how Go sees such values. What is empty is false, as in JavaScript. */

/** Of error pages: null when there is nothing to say. */
export type PageData = { readonly Message: string } | null;
export type TemplateValue = string | number | boolean | undefined | PageData;

/** Of nothing it is nothing. */
export function messageField(value: TemplateValue): TemplateValue {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "object") return value.Message;
  throw new Error(`can't evaluate field Message in ${JSON.stringify(value)}`);
}

/** As Go's `fmt.Sprint`: a blank between two operands when neither is a string. */
export function printed(values: readonly TemplateValue[]): string {
  let text = "";
  for (const [index, value] of values.entries()) {
    const apart = index > 0 && typeof value !== "string" && typeof values[index - 1] !== "string";
    text += (apart ? " " : "") + (outputOf(value) ?? "<nil>");
  }
  return text;
}

/** As an action puts it into the page; null for what is not there. */
export function outputOf(value: TemplateValue): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? `map[Message:${value.Message}]` : String(value);
}
