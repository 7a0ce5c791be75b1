/** Reads the tokens of a template into nodes. Each file may define further templates. */
import { functionNames } from "./functions.ts";
import { tokenize, type Token } from "./lexer.ts";
import { parseNumber, unquote } from "./literals.ts";
import { type Command, type Expression, type Node, type Pipeline, TemplateError } from "./nodes.ts";

const maxDepth = 100;

/** The templates of one file by name: the file itself and all that it defines. */
export function parseTemplate(file: string, source: string): Map<string, Node[]> {
  return new Parser(file, tokenize(file, source)).run();
}

/** How a list of nodes ended. */
type Ending = "end" | "else" | "file";

class Parser {
  readonly #file: string;
  readonly #tokens: Token[];
  readonly #templates = new Map<string, Node[]>();
  #position = 0;
  #variables: string[] = [""];
  #rangeDepth = 0;
  #depth = 0;

  constructor(file: string, tokens: Token[]) {
    this.#file = file;
    this.#tokens = tokens;
  }

  run(): Map<string, Node[]> {
    const { nodes } = this.#list("file");
    // A file may consist of nothing but definitions, and be one of them.
    const isEmpty = nodes.every((node) => node.kind === "text" && node.text.trim() === "");
    if (!isEmpty || !this.#templates.has(this.#file)) this.#templates.set(this.#file, nodes);
    return this.#templates;
  }

  #list(within: "file" | "definition" | "branch"): { nodes: Node[]; ending: Ending } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text, line: token.line });
        continue;
      }
      if (token.kind === "end") {
        if (within !== "file") this.#fail("unexpected EOF: an {{end}} is missing", token);
        return { nodes, ending: "file" };
      }
      const ending = this.#action(nodes, within);
      if (ending !== null) return { nodes, ending };
    }
  }

  /** What stands behind `{{`. Not null when it ends the list. */
  #action(nodes: Node[], within: "file" | "definition" | "branch"): Ending | null {
    const token = this.#peek();
    switch (token.kind === "word" ? token.text : "") {
      case "end":
        if (within === "file") this.#fail("unexpected {{end}}", token);
        this.#skip();
        this.#close();
        return "end";
      case "else":
        if (within !== "branch") this.#fail("unexpected {{else}}", token);
        this.#skip();
        return "else";
      case "if":
      case "with":
      case "range":
        this.#skip();
        nodes.push(this.#branch(token.text as "if" | "with" | "range"));
        return null;
      case "break":
      case "continue":
        this.#skip();
        if (this.#rangeDepth === 0) this.#fail(`{{${token.text}}} outside {{range}}`, token);
        this.#close();
        nodes.push({ kind: token.text as "break" | "continue", line: token.line });
        return null;
      case "define":
        this.#skip();
        if (within !== "file") this.#fail("unexpected {{define}}", token);
        this.#definition(this.#templateName("define clause"));
        return null;
      case "block":
      case "template":
        this.#skip();
        nodes.push(this.#call(token));
        return null;
      default:
        nodes.push({ kind: "action", pipeline: this.#pipeline("command", "close"), escapers: [] });
        return null;
    }
  }

  #branch(kind: "if" | "with" | "range"): Node {
    if (++this.#depth > maxDepth) this.#fail("too deeply nested", this.#peek());
    const outer = this.#variables.length;
    const pipeline = this.#pipeline(kind, "close");
    if (kind === "range") this.#rangeDepth++;
    const body = this.#list("branch");
    if (kind === "range") this.#rangeDepth--;
    const otherwise = body.ending === "else" ? this.#otherwise(kind) : null;
    this.#variables.length = outer;
    this.#depth--;
    return { kind, pipeline, body: body.nodes, otherwise };
  }

  /** Behind `{{else`: the branch itself, or one more condition that shares the `{{end}}`. */
  #otherwise(kind: "if" | "with" | "range"): Node[] {
    const token = this.#peek();
    if (token.kind === "word" && token.text === kind && kind !== "range") {
      this.#skip();
      return [this.#branch(kind)];
    }
    this.#close();
    const { nodes, ending } = this.#list("branch");
    if (ending === "else") this.#fail("expected {{end}}; found {{else}}", this.#peek());
    return nodes;
  }

  #definition(name: string): void {
    this.#close();
    this.#body(name);
  }

  #body(name: string): void {
    const outer = this.#variables;
    const rangeDepth = this.#rangeDepth;
    this.#variables = [""];
    this.#rangeDepth = 0;
    this.#templates.set(name, this.#list("definition").nodes);
    this.#variables = outer;
    this.#rangeDepth = rangeDepth;
  }

  /** `{{template "x" .}}`, and `{{block "x" .}}`, which defines it as well. */
  #call({ text, line }: Token): Node {
    const name = this.#templateName(`${text} clause`);
    if (text === "block") {
      const pipeline = this.#pipeline("block clause", "close");
      this.#body(name);
      return { kind: "template", name, pipeline, line };
    }
    if (this.#peek().kind !== "close") {
      return { kind: "template", name, pipeline: this.#pipeline("template clause", "close"), line };
    }
    this.#close();
    return { kind: "template", name, pipeline: null, line };
  }

  #templateName(where: string): string {
    const token = this.#next();
    if (token.kind !== "string") this.#unexpected(token, where);
    return this.#string(token);
  }

  #pipeline(where: string, closing: "close" | ")"): Pipeline {
    const pipeline: Pipeline = {
      line: this.#peek().line,
      variables: [],
      declares: false,
      commands: [],
    };
    this.#assignment(pipeline, where);
    for (;;) {
      const { operands, ending } = this.#command(where, closing);
      if (operands.length === 0) this.#fail(`missing value for ${where}`, this.#peek());
      pipeline.commands.push({ operands });
      if (ending === "close") break;
    }
    this.#checkPipeline(pipeline);
    if (pipeline.declares) this.#variables.push(...pipeline.variables);
    return pipeline;
  }

  /** `$x :=`, `$x =`, and in range `$i, $x :=`. */
  #assignment(pipeline: Pipeline, where: string): void {
    if (this.#peek().kind !== "variable") return;
    const start = this.#position;
    const names = [this.#next().text];
    if (where === "range" && this.#takeSymbol(",")) {
      const second = this.#next();
      if (second.kind !== "variable") this.#unexpected(second, where);
      names.push(second.text);
      if (this.#isSymbol(",")) this.#fail("too many declarations in range", this.#peek());
    }
    const operator = this.#peek();
    if (operator.kind !== "symbol" || (operator.text !== ":=" && operator.text !== "=")) {
      this.#position = start;
      return;
    }
    this.#skip();
    pipeline.variables = names;
    pipeline.declares = operator.text === ":=";
    if (!pipeline.declares) for (const name of names) this.#checkVariable(name, operator);
  }

  /** Only the first command may be a plain value; the others take the value before as an argument. */
  #checkPipeline({ commands }: Pipeline): void {
    for (const [index, { operands }] of commands.entries()) {
      const kind = operands[0]!.kind;
      const [first] = operands;
      if (operands.length === 1 && first!.kind === "literal" && first!.value === null) {
        this.#fail("nil is not a command", this.#peek());
      }
      if (index > 0 && kind !== "function") {
        this.#fail("only a function can stand behind |", this.#peek());
      }
      if (operands.length > 1 && kind !== "function") {
        this.#fail("can't give arguments to something that is not a function", this.#peek());
      }
    }
  }

  #command(where: string, closing: "close" | ")"): Command & { ending: "|" | "close" } {
    const operands: Expression[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === "close" || (token.kind === "symbol" && token.text === ")")) {
        const found = token.kind === "close" ? "close" : ")";
        if (found !== closing)
          this.#fail(closing === ")" ? "unclosed left paren" : "unexpected right paren", token);
        return { operands, ending: "close" };
      }
      if (token.kind === "symbol" && token.text === "|") return { operands, ending: "|" };
      // Operands stand apart: `.A"x"` is a slip of the pen.
      if (operands.length > 0 && !token.spaced) this.#unexpected(token, where);
      operands.push(this.#operand(token, where));
    }
  }

  #operand(token: Token, where: string): Expression {
    switch (token.kind) {
      case "dot":
        return { kind: "dot" };
      case "field":
        return { kind: "field", names: [token.text, ...this.#fields()] };
      case "variable":
        this.#checkVariable(token.text, token);
        return { kind: "variable", name: token.text, names: this.#fields() };
      case "string":
        return { kind: "literal", value: this.#string(token) };
      case "number":
        return { kind: "literal", value: this.#number(token) };
      case "word":
        return this.#word(token);
      case "symbol":
        if (token.text === "(") return this.#parenthesis(token);
    }
    return this.#unexpected(token, where);
  }

  #word(token: Token): Expression {
    if (token.text === "true" || token.text === "false")
      return { kind: "literal", value: token.text === "true" };
    if (token.text === "nil") return { kind: "literal", value: null };
    if (!functionNames.has(token.text))
      this.#fail(`function ${JSON.stringify(token.text)} not defined`, token);
    return { kind: "function", name: token.text };
  }

  #parenthesis(token: Token): Expression {
    if (++this.#depth > maxDepth) this.#fail("too deeply nested", token);
    const outer = this.#variables.length;
    const pipeline = this.#pipeline("parenthesized pipeline", ")");
    this.#variables.length = outer;
    this.#depth--;
    return { kind: "parenthesis", pipeline, names: this.#fields() };
  }

  /** Fields that follow without a blank. */
  #fields(): string[] {
    const names: string[] = [];
    for (let token = this.#peek(); token.kind === "field" && !token.spaced; token = this.#peek()) {
      names.push(token.text);
      this.#skip();
    }
    return names;
  }

  #checkVariable(name: string, token: Token): void {
    if (!this.#variables.includes(name)) this.#fail(`undefined variable "$${name}"`, token);
  }

  #string(token: Token): string {
    return unquote(token.text) ?? this.#fail(`bad string ${token.text}`, token);
  }

  #number(token: Token): number {
    return parseNumber(token.text) ?? this.#fail(`bad number ${token.text}`, token);
  }

  #close(): void {
    const token = this.#next();
    if (token.kind !== "close") this.#unexpected(token, "the end of an action");
  }

  #isSymbol(text: string): boolean {
    const token = this.#peek();
    return token.kind === "symbol" && token.text === text;
  }

  #takeSymbol(text: string): boolean {
    const found = this.#isSymbol(text);
    if (found) this.#skip();
    return found;
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#position, this.#tokens.length - 1)]!;
  }

  #skip(): void {
    this.#position++;
  }

  #next(): Token {
    const token = this.#peek();
    this.#skip();
    return token;
  }

  #unexpected(token: Token, where: string): never {
    return this.#fail(
      `unexpected ${token.kind === "end" ? "end of file" : JSON.stringify(token.text)} in ${where}`,
      token,
    );
  }

  #fail(reason: string, token: Token): never {
    throw new TemplateError(this.#file, token.line, reason);
  }
}
