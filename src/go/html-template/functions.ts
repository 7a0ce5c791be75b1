/** The functions that templates can call. `and` and `or` are here by name only: they look at no more than they need. */
import { escapeHtml, escapeQuery, escapeScript } from "./escapers.ts";
import { RenderError } from "./nodes.ts";
import { formatted } from "./printf.ts";
import {
  areEqual,
  isLess,
  isList,
  isMap,
  isTrue,
  printed,
  type TemplateValue,
  textOf,
} from "./values.ts";

type TemplateFunction = (values: readonly TemplateValue[]) => TemplateValue;

const functions: Readonly<Record<string, TemplateFunction>> = {
  not: (values) => !isTrue(single("not", values)),
  eq: (values) => {
    if (values.length < 2) throw new RenderError("eq: missing argument for comparison");
    return values.slice(1).some((value) => areEqual(values[0], value));
  },
  ne: (values) => !areEqual(...pair("ne", values)),
  lt: (values) => isLess(...pair("lt", values)),
  le: (values) => !isLess(...swapped(pair("le", values))),
  gt: (values) => isLess(...swapped(pair("gt", values))),
  ge: (values) => !isLess(...pair("ge", values)),
  len: (values) => length(single("len", values)),
  index: (values) => values.slice(1).reduce(elementOf, values[0]),
  slice,
  print: printed,
  println: (values) => `${values.map(textOf).join(" ")}\n`,
  printf: (values) => {
    const [format, ...operands] = values;
    if (typeof format !== "string") throw new RenderError("printf: the format is not a string");
    return formatted(format, operands);
  },
  html: (values) => escapeHtml(joined(values)),
  js: (values) => escapeScript(joined(values)),
  urlquery: (values) => escapeQuery(joined(values)),
};

export const functionNames: ReadonlySet<string> = new Set([...Object.keys(functions), "and", "or"]);

export function callFunction(name: string, values: readonly TemplateValue[]): TemplateValue {
  return functions[name]!(values);
}

function joined(values: readonly TemplateValue[]): string {
  return printed(values.map((value) => value ?? ""));
}

function single(name: string, values: readonly TemplateValue[]): TemplateValue {
  if (values.length !== 1)
    throw new RenderError(`wrong number of args for ${name}: want 1 got ${values.length}`);
  return values[0];
}

function pair(name: string, values: readonly TemplateValue[]): [TemplateValue, TemplateValue] {
  if (values.length !== 2)
    throw new RenderError(`wrong number of args for ${name}: want 2 got ${values.length}`);
  return [values[0], values[1]];
}

function swapped([a, b]: [TemplateValue, TemplateValue]): [TemplateValue, TemplateValue] {
  return [b, a];
}

function length(value: TemplateValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new RenderError(`len of ${textOf(value)}`);
}

function elementOf(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (isMap(value)) {
    if (typeof key !== "string") throw new RenderError("index of a map is not a string");
    return Object.hasOwn(value, key) ? value[key] : undefined;
  }
  const list = typeof value === "string" ? [...Buffer.from(value)] : value;
  if (!isList(list)) throw new RenderError(`can't index ${textOf(value)}`);
  if (typeof key !== "number" || !Number.isInteger(key))
    throw new RenderError(`can't index with ${textOf(key)}`);
  if (key < 0 || key >= list.length) throw new RenderError(`index out of range: ${key}`);
  return list[key];
}

function slice(values: readonly TemplateValue[]): TemplateValue {
  const [value, ...bounds] = values;
  const isText = typeof value === "string";
  if ((!isText && !isList(value)) || bounds.length > 2) throw new RenderError("can't slice");
  const bytes = isText ? Buffer.from(value) : value;
  const [start = 0, end = bytes.length] = bounds;
  if (
    typeof start !== "number" ||
    typeof end !== "number" ||
    start < 0 ||
    end > bytes.length ||
    start > end
  ) {
    throw new RenderError("slice: index out of range");
  }
  return isText ? Buffer.from(value).subarray(start, end).toString() : value.slice(start, end);
}
