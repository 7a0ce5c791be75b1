/** Puts values into the nodes of a placed template. */
import { callFunction } from "./functions.ts";
import {
  type BranchNode,
  type Expression,
  type Node,
  RenderError,
  type Assignment,
} from "./nodes.ts";
import type { PlacedTemplates } from "./placement.ts";
import { isTrue, messageField, outputOf, type TemplateValue } from "./values.ts";

const maxOutputLength = 16 * 1024 * 1024;
const maxCalls = 1_000;

/** Throws a `RenderError` when the template can't work with the data. */
export function renderTemplate(
  templates: PlacedTemplates,
  name: string,
  data: TemplateValue,
): string {
  const renderer = new Renderer(templates);
  renderer.template(name, data);
  return renderer.output;
}

interface Variable {
  name: string;
  value: TemplateValue;
}

class Renderer {
  readonly #templates: PlacedTemplates;
  output = "";
  #variables: Variable[] = [];
  #calls = 0;

  constructor(templates: PlacedTemplates) {
    this.#templates = templates;
  }

  template(name: string, data: TemplateValue): void {
    if (++this.#calls > maxCalls) throw new RenderError("templates call each other too often");
    const outer = this.#variables;
    this.#variables = [{ name: "", value: data }];
    this.#list(this.#templates.get(name)!, data);
    this.#variables = outer;
  }

  #list(nodes: readonly Node[], dot: TemplateValue): void {
    for (const node of nodes) this.#node(node, dot);
  }

  #node(node: Node, dot: TemplateValue): void {
    switch (node.kind) {
      case "text":
        return this.#write(node.text);
      case "value":
        return this.#write(node.escape(outputOf(this.#value(node.expression, dot))));
      case "set":
        return this.#set(node.assignment, this.#value(node.expression, dot));
      case "template": {
        const { name, expression } = node;
        return this.template(name, expression === null ? undefined : this.#value(expression, dot));
      }
      default:
        return this.#branch(node, dot);
    }
  }

  #branch({ kind, assignment, expression, body, otherwise }: BranchNode, dot: TemplateValue): void {
    const outer = this.#variables.length;
    const value = this.#value(expression, dot);
    if (assignment !== null) this.#set(assignment, value);
    if (isTrue(value)) this.#list(body, kind === "with" ? value : dot);
    else this.#list(otherwise, dot);
    this.#variables.length = outer;
  }

  #value(expression: Expression, dot: TemplateValue): TemplateValue {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "dot":
        return dot;
      case "variable":
        return this.#variable(expression.name).value;
      case "message":
        return messageField(this.#value(expression.of, dot));
      case "call": {
        const { name, operands } = expression;
        if (name === "and" || name === "or") return this.#andOr(name, operands, dot);
        return callFunction(
          name,
          operands.map((operand) => this.#value(operand, dot)),
        );
      }
    }
  }

  /** Looks only at as many operands as it needs. */
  #andOr(name: "and" | "or", operands: readonly Expression[], dot: TemplateValue): TemplateValue {
    let value: TemplateValue;
    for (const operand of operands) {
      value = this.#value(operand, dot);
      if (isTrue(value) === (name === "or")) break;
    }
    return value;
  }

  #set({ name, declares }: Assignment, value: TemplateValue): void {
    if (declares) this.#variables.push({ name, value });
    else this.#variable(name).value = value;
  }

  #variable(name: string): Variable {
    return this.#variables.findLast((candidate) => candidate.name === name)!;
  }

  #write(text: string): void {
    this.output += text;
    if (this.output.length > maxOutputLength) throw new RenderError("the page is too long");
  }
}
