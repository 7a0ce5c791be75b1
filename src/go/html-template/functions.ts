/** The functions that templates can call; `and` and `or` look at no more operands than they need. */
import type { Expression } from "./nodes.ts";
import { printed, type TemplateValue } from "./values.ts";

interface TemplateFunction {
  /** Of operands. */
  least: number;
  most: number;
  call(operands: readonly Expression[]): Expression;
}

export const functions: Readonly<Record<string, TemplateFunction>> = {
  and: { least: 1, most: Infinity, call: (operands) => firstThat(false, operands) },
  or: { least: 1, most: Infinity, call: (operands) => firstThat(true, operands) },
  not: eager(1, 1, ([value]) => !value),
  eq: eager(2, Infinity, ([value, ...others]) => others.some((other) => areEqual(value, other))),
  ne: eager(2, 2, ([value, other]) => !areEqual(value, other)),
  len: eager(1, 1, ([value]) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    throw new Error(`len of ${printed([value])}`);
  }),
  // The value of an action, which is escaped in this way in place of the usual one.
  html: eager(1, 1, ([value]) => value),
  print: eager(0, Infinity, printed),
  printf: eager(1, Infinity, ([format, ...values]) => {
    let next = 0;
    return String(format).replace(/%[s%]/g, (verb) => {
      return verb === "%%" ? "%" : printed([values[next++]]);
    });
  }),
};

/** What else Go's templates know, and error pages have no use for. */
export const unsupportedWords: ReadonlySet<string> = new Set(
  "break call continue ge gt index js le lt nil println range slice urlquery".split(" "),
);

/** Why `printf` can't have that format with so many values; null when it can. */
export function formatFault(format: string, values: number): string | null {
  const verbs = format.match(/%[^]?/g) ?? [];
  const other = verbs.find((verb) => verb !== "%s" && verb !== "%%");
  if (other !== undefined) return `printf takes %s only, not ${JSON.stringify(other)}`;
  const wanted = verbs.filter((verb) => verb === "%s").length;
  return wanted === values ? null : `printf wants ${wanted} values for its format, got ${values}`;
}

function eager(
  least: number,
  most: number,
  run: (values: readonly TemplateValue[]) => TemplateValue,
): TemplateFunction {
  return {
    least,
    most,
    call: (operands) => (dot, variables) => run(operands.map((operand) => operand(dot, variables))),
  };
}

/** The last operand when there is none. */
function firstThat(truth: boolean, operands: readonly Expression[]): Expression {
  return (dot, variables) => {
    let value: TemplateValue;
    for (const operand of operands) {
      value = operand(dot, variables);
      if (Boolean(value) === truth) break;
    }
    return value;
  };
}

function areEqual(one: TemplateValue, other: TemplateValue): boolean {
  const left = one ?? null;
  const right = other ?? null;
  if (left === null || right === null) return left === right;
  if (typeof left === "object" || typeof right === "object") {
    throw new Error("non-comparable type");
  }
  if (typeof left !== typeof right) throw new Error("incompatible types for comparison");
  return left === right;
}
