/** The parsed form of a template, and the error that it can have. */
import type { TemplateValue } from "./values.ts";

/** Variables have places in a list; `$` is the first. */
export type Expression = (dot: TemplateValue, variables: readonly TemplateValue[]) => TemplateValue;

export type Node =
  | { kind: "text"; text: string; line: number }
  | { kind: "value"; value: Expression; escape: (text: string) => string; line: number }
  | { kind: "set"; variable: number; value: Expression }
  | BranchNode
  /** `value` gives the dot of the called template; without one there is none. */
  | { kind: "template"; name: string; value: Expression | null; line: number };

export interface BranchNode {
  kind: "if" | "with";
  /** Where the value is kept as well: `{{with $x := …}}`. */
  variable: number | null;
  value: Expression;
  body: Node[];
  otherwise: Node[];
  line: number;
}

export interface ParsedTemplate {
  file: string;
  nodes: Node[];
}

/** A template that can not be used. Its text names file and line. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";

  constructor(file: string, line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
  }
}
