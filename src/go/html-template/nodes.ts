/** The parsed form of a template, and the two kinds of errors that it can have. */

export type Expression =
  | { kind: "literal"; value: string | number | boolean }
  | { kind: "dot" }
  /** A variable, without its `$`; the one without a name is what the template was called with. */
  | { kind: "variable"; name: string }
  /** The field `.Message` of a value. */
  | { kind: "message"; of: Expression }
  /** `a | f x` is the call `f x a`. */
  | { kind: "call"; name: string; operands: Expression[] };

/** `$x := …` makes a new variable, `$x = …` sets one that is there. */
export interface Assignment {
  name: string;
  declares: boolean;
}

export type Node =
  | { kind: "text"; text: string; line: number }
  | { kind: "value"; expression: Expression; escape: (text: string) => string; line: number }
  | { kind: "set"; assignment: Assignment; expression: Expression }
  | BranchNode
  /** `expression` gives the dot of the called template; without one there is none. */
  | { kind: "template"; name: string; expression: Expression | null; line: number };

export interface BranchNode {
  kind: "if" | "with";
  assignment: Assignment | null;
  expression: Expression;
  body: Node[];
  otherwise: Node[];
  line: number;
}

/** A template that can not be used. Its text names file and line. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";

  constructor(file: string, line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
  }
}

/** A value that a template can not work with, found while rendering. */
export class RenderError extends Error {
  override readonly name = "RenderError";
}
