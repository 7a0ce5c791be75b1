/** Puts values into the nodes of an escaped template. */
import type { EscapedTemplates } from "./autoescape.ts";
import { callFunction } from "./functions.ts";
import { type Command, type Expression, type Node, type Pipeline, RenderError } from "./nodes.ts";
import { entriesOf, fieldOf, isTrue, outputOf, type TemplateValue } from "./values.ts";

const maxOutputLength = 16 * 1024 * 1024;
const maxCalls = 1_000;

/** Throws a `RenderError` when the template can't work with the data. */
export function renderTemplate(
  templates: EscapedTemplates,
  name: string,
  data: TemplateValue,
): string {
  const renderer = new Renderer(templates);
  renderer.template(name, data);
  return renderer.output;
}

/** Why the nodes of a loop ended. */
type Outcome = "through" | "break" | "continue";

interface Variable {
  name: string;
  value: TemplateValue;
}

class Renderer {
  readonly #templates: EscapedTemplates;
  output = "";
  #variables: Variable[] = [];
  #calls = 0;

  constructor(templates: EscapedTemplates) {
    this.#templates = templates;
  }

  template(name: string, data: TemplateValue): void {
    if (++this.#calls > maxCalls) throw new RenderError("templates call each other too often");
    const outer = this.#variables;
    this.#variables = [{ name: "", value: data }];
    this.#list(this.#templates.get(name)!, data);
    this.#variables = outer;
  }

  #list(nodes: readonly Node[], dot: TemplateValue): Outcome {
    for (const node of nodes) {
      const outcome = this.#node(node, dot);
      if (outcome !== "through") return outcome;
    }
    return "through";
  }

  #node(node: Node, dot: TemplateValue): Outcome {
    switch (node.kind) {
      case "text":
        this.#write(node.text);
        return "through";
      case "action": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.variables.length > 0) return "through";
        this.#write(node.escapers.reduce((text, escape) => escape(text), outputOf(value)));
        return "through";
      }
      case "template":
        this.template(
          node.name,
          node.pipeline === null ? undefined : this.#pipeline(node.pipeline, dot),
        );
        return "through";
      case "break":
      case "continue":
        return node.kind;
      default:
        return this.#scoped(() =>
          node.kind === "range" ? this.#range(node, dot) : this.#choice(node, dot),
        );
    }
  }

  #choice(node: Node & { kind: "if" | "with" | "range" }, dot: TemplateValue): Outcome {
    const value = this.#pipeline(node.pipeline, dot);
    if (isTrue(value)) return this.#list(node.body, node.kind === "with" ? value : dot);
    return node.otherwise === null ? "through" : this.#list(node.otherwise, dot);
  }

  #range(node: Node & { kind: "if" | "with" | "range" }, dot: TemplateValue): Outcome {
    const entries = entriesOf(this.#pipeline(node.pipeline, dot));
    if (entries.length === 0)
      return node.otherwise === null ? "through" : this.#list(node.otherwise, dot);
    for (const [key, value] of entries) {
      const outcome = this.#scoped(() => {
        this.#setLoopVariables(node.pipeline, key, value);
        return this.#list(node.body, value);
      });
      if (outcome === "break") break;
    }
    return "through";
  }

  #setLoopVariables(
    { variables, declares }: Pipeline,
    key: TemplateValue,
    value: TemplateValue,
  ): void {
    const [first, second] = variables;
    if (first === undefined) return;
    if (second === undefined) {
      this.#set(first, value, declares);
      return;
    }
    this.#set(first, key, declares);
    this.#set(second, value, declares);
  }

  /** Forgets the variables that are made meanwhile. */
  #scoped(action: () => Outcome): Outcome {
    const count = this.#variables.length;
    const outcome = action();
    this.#variables.length = count;
    return outcome;
  }

  #pipeline(pipeline: Pipeline, dot: TemplateValue): TemplateValue {
    let value: TemplateValue;
    for (const [index, command] of pipeline.commands.entries()) {
      value = this.#command(command, dot, index === 0 ? [] : [value]);
    }
    for (const name of pipeline.variables) this.#set(name, value, pipeline.declares);
    return value;
  }

  #command(
    { operands }: Command,
    dot: TemplateValue,
    piped: readonly TemplateValue[],
  ): TemplateValue {
    const [first, ...rest] = operands as [Expression, ...Expression[]];
    if (first.kind !== "function") return this.#value(first, dot);
    if (first.name === "and" || first.name === "or")
      return this.#andOr(first.name, rest, dot, piped);
    return callFunction(first.name, [
      ...rest.map((operand) => this.#value(operand, dot)),
      ...piped,
    ]);
  }

  /** Looks only at as many operands as it needs. */
  #andOr(
    name: string,
    operands: Expression[],
    dot: TemplateValue,
    piped: readonly TemplateValue[],
  ): TemplateValue {
    let value: TemplateValue;
    for (const operand of operands) {
      value = this.#value(operand, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    if (operands.length + piped.length === 0)
      throw new RenderError(`wrong number of args for ${name}: want at least 1 got 0`);
    return piped.length > 0 ? piped[0] : value;
  }

  #value(expression: Expression, dot: TemplateValue): TemplateValue {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "dot":
        return dot;
      case "field":
        return expression.names.reduce(fieldOf, dot);
      case "variable":
        return expression.names.reduce(fieldOf, this.#variable(expression.name).value);
      case "parenthesis":
        return expression.names.reduce(fieldOf, this.#pipeline(expression.pipeline, dot));
      case "function":
        return callFunction(expression.name, []);
    }
  }

  #set(name: string, value: TemplateValue, declares: boolean): void {
    if (declares) this.#variables.push({ name, value });
    else this.#variable(name).value = value;
  }

  #variable(name: string): Variable {
    const variable = this.#variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw new RenderError(`undefined variable: $${name}`);
    return variable;
  }

  #write(text: string): void {
    this.output += text;
    if (this.output.length > maxOutputLength) throw new RenderError("the page is too long");
  }
}
