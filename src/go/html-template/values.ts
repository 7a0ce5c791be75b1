/** What a template is rendered with, and how Go sees such values: truth, text, fields, order. Pure. */
import { RenderError } from "./nodes.ts";

export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue };

/** Empty values are false. */
export function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A missing field is undefined, also of nothing; only a plain value can have none. */
export function fieldOf(value: TemplateValue, name: string): TemplateValue {
  if (value === null || value === undefined) return undefined;
  if (!isMap(value))
    throw new RenderError(`can't evaluate field ${name} in ${JSON.stringify(value)}`);
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** As `%v` prints it. */
export function textOf(value: TemplateValue): string {
  if (value === null || value === undefined) return "<nil>";
  if (isList(value)) return `[${value.map(textOf).join(" ")}]`;
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${textOf(value[key])}`)
      .join(" ")}]`;
  return String(value);
}

/** As Go's `fmt.Sprint`: a blank between two operands when neither is a string. */
export function printed(values: readonly TemplateValue[]): string {
  let text = "";
  for (const [index, value] of values.entries()) {
    const apart = index > 0 && typeof value !== "string" && typeof values[index - 1] !== "string";
    text += (apart ? " " : "") + textOf(value);
  }
  return text;
}

/** As an action puts it into the page: nothing for what is not there. */
export function outputOf(value: TemplateValue): string {
  return value === null || value === undefined ? "" : textOf(value);
}

export function areEqual(a: TemplateValue, b: TemplateValue): boolean {
  const left = a ?? null;
  const right = b ?? null;
  if (left === null || right === null) return left === right;
  if (typeof left === "object" || typeof right === "object")
    throw new RenderError("non-comparable type");
  if (typeof left !== typeof right) throw new RenderError("incompatible types for comparison");
  return left === right;
}

export function isLess(a: TemplateValue, b: TemplateValue): boolean {
  if (typeof a === "number" && typeof b === "number") return a < b;
  if (typeof a === "string" && typeof b === "string")
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  throw new RenderError("incompatible types for comparison");
}

/** What `range` goes over: keys and values in order. */
export function entriesOf(value: TemplateValue): [key: TemplateValue, value: TemplateValue][] {
  if (value === null || value === undefined) return [];
  if (typeof value === "number")
    return Array.from({ length: Math.min(value, maxCount) }, (_, index) => [index, index]);
  if (isList(value)) return value.map((element, index) => [index, element]);
  if (isMap(value)) return sortedKeys(value).map((key) => [key, value[key]]);
  throw new RenderError(`range can't iterate over ${JSON.stringify(value)}`);
}

const maxCount = 10_000;

export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

export function isMap(value: TemplateValue): value is { readonly [key: string]: TemplateValue } {
  return typeof value === "object" && value !== null && !isList(value);
}

function sortedKeys(value: { readonly [key: string]: TemplateValue }): string[] {
  return Object.keys(value).toSorted();
}
