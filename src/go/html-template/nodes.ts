/** The parsed form of a template, and the two kinds of errors that it can have. */
import type { Escaper } from "./escapers.ts";

export type Expression =
  | { kind: "literal"; value: string | number | boolean | null }
  | { kind: "dot" }
  /** Fields of the dot. */
  | { kind: "field"; names: string[] }
  /** A variable, without its `$`, and fields of it. */
  | { kind: "variable"; name: string; names: string[] }
  | { kind: "parenthesis"; pipeline: Pipeline; names: string[] }
  | { kind: "function"; name: string };

/** A function with its arguments, or a single value. */
export interface Command {
  operands: Expression[];
}

export interface Pipeline {
  line: number;
  /** Variables that it sets, at most two (`range $key, $value := …`). */
  variables: string[];
  /** `:=` makes new variables, `=` sets those that are there. */
  declares: boolean;
  /** Each gets the value of the one before as its last argument. */
  commands: Command[];
}

export type Node =
  | { kind: "text"; text: string; line: number }
  | { kind: "action"; pipeline: Pipeline; escapers: readonly Escaper[] }
  | { kind: "if" | "with" | "range"; pipeline: Pipeline; body: Node[]; otherwise: Node[] | null }
  /** `pipeline` gives the dot of the called template; without one it is null. */
  | { kind: "template"; name: string; pipeline: Pipeline | null; line: number }
  | { kind: "break" | "continue"; line: number };

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
