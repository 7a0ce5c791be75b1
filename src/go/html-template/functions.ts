/** The functions that templates can call. `and` and `or` are here by name only: they look at no more than they need. */
import { RenderError } from "./nodes.ts";
import { isTrue, printed, type TemplateValue } from "./values.ts";

type TemplateFunction = (values: readonly TemplateValue[]) => TemplateValue;

/** How many operands each takes, at least and at most. */
export const operandCounts: Readonly<Record<string, readonly [number, number]>> = {
  and: [1, Infinity],
  or: [1, Infinity],
  not: [1, 1],
  eq: [2, Infinity],
  ne: [2, 2],
  len: [1, 1],
  html: [1, 1],
  print: [0, Infinity],
  printf: [1, Infinity],
};

/** What else Go's templates know, and error pages have no use for. */
export const unsupportedWords: ReadonlySet<string> = new Set(
  "break call continue ge gt index js le lt nil println range slice urlquery".split(" "),
);

const functions: Readonly<Record<string, TemplateFunction>> = {
  not: ([value]) => !isTrue(value),
  eq: ([value, ...others]) => others.some((other) => areEqual(value, other)),
  ne: ([value, other]) => !areEqual(value, other),
  len: ([value]) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    throw new RenderError(`len of ${printed([value])}`);
  },
  print: printed,
  printf: ([format, ...values]) => {
    let next = 0;
    return String(format).replace(/%[s%]/g, (verb) => {
      return verb === "%%" ? "%" : printed([values[next++]]);
    });
  },
};

export function callFunction(name: string, values: readonly TemplateValue[]): TemplateValue {
  return functions[name]!(values);
}

/** Why `printf` can't have that format with so many values; null when it can. */
export function formatFault(format: string, values: number): string | null {
  const verbs = format.match(/%[^]?/g) ?? [];
  const other = verbs.find((verb) => verb !== "%s" && verb !== "%%");
  if (other !== undefined) return `printf takes %s only, not ${JSON.stringify(other)}`;
  const wanted = verbs.filter((verb) => verb === "%s").length;
  return wanted === values ? null : `printf wants ${wanted} values for its format, got ${values}`;
}

function areEqual(one: TemplateValue, other: TemplateValue): boolean {
  const left = one ?? null;
  const right = other ?? null;
  if (left === null || right === null) return left === right;
  if (typeof left === "object" || typeof right === "object") {
    throw new RenderError("non-comparable type");
  }
  if (typeof left !== typeof right) throw new RenderError("incompatible types for comparison");
  return left === right;
}
