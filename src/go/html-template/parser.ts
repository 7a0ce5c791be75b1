/** Reads the tokens of a template into nodes. Each file may define further templates. */
import { escapeHtml, escapeText } from "./escapers.ts";
import { formatFault, operandCounts, unsupportedWords } from "./functions.ts";
import { tokenize, type Token } from "./lexer.ts";
import { type Expression, type Node, type Assignment, TemplateError } from "./nodes.ts";
import { unquote } from "./unquote.ts";

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
      const token = this.#peek();
      switch (token.kind === "word" ? token.text : token.kind) {
        case "text":
          this.#next();
          this.#text(nodes, token);
          break;
        case "end":
          this.#next();
          if (token.kind === "end") {
            if (within === "file") return { nodes, ending: "file" };
            this.#fail("unexpected EOF: an {{end}} is missing", token);
          }
          if (within === "file") this.#fail("unexpected {{end}}", token);
          this.#close();
          return { nodes, ending: "end" };
        case "else":
          this.#next();
          if (within !== "branch") this.#fail("unexpected {{else}}", token);
          return { nodes, ending: "else" };
        case "if":
        case "with":
          this.#next();
          nodes.push(this.#branch(token));
          break;
        case "define":
          this.#next();
          if (within !== "file") this.#fail("unexpected {{define}}", token);
          this.#body(this.#templateName(token), true);
          break;
        case "block":
        case "template":
          this.#next();
          nodes.push(this.#call(token));
          break;
        default:
          nodes.push(this.#output(token));
      }
    }
  }

  /** Text around a comment is one text. */
  #text(nodes: Node[], { text, line }: Token): void {
    const last = nodes.at(-1);
    if (last?.kind === "text") last.text += text;
    else nodes.push({ kind: "text", text, line });
  }

  #branch(token: Token): Node {
    this.#enter(token);
    const outer = this.#variables.length;
    const { assignment, expression } = this.#clause(token.text);
    const { nodes: body, ending } = this.#list("branch");
    const otherwise = ending === "else" ? this.#otherwise() : [];
    this.#variables.length = outer;
    this.#depth--;
    const kind = token.text as "if" | "with";
    return { kind, assignment, expression, body, otherwise, line: token.line };
  }

  /** Behind `{{else`: the branch itself, or one more condition that shares the `{{end}}`. */
  #otherwise(): Node[] {
    const token = this.#peek();
    if (token.kind === "word" && (token.text === "if" || token.text === "with")) {
      this.#next();
      return [this.#branch(token)];
    }
    this.#close();
    const { nodes, ending } = this.#list("branch");
    if (ending === "else") this.#fail("expected {{end}}; found {{else}}", this.#peek());
    return nodes;
  }

  #body(name: string, closes: boolean): void {
    if (closes) this.#close();
    const outer = this.#variables;
    this.#variables = [""];
    this.#templates.set(name, this.#list("definition").nodes);
    this.#variables = outer;
  }

  /** `{{template "x" .}}`, and `{{block "x" .}}`, which defines it as well. */
  #call(token: Token): Node {
    const name = this.#templateName(token);
    const hasValue = token.text === "block" || this.#peek().kind !== "close";
    const expression = hasValue ? this.#clause(token.text).expression : null;
    if (!hasValue) this.#close();
    if (token.text === "block") this.#body(name, false);
    return { kind: "template", name, expression, line: token.line };
  }

  #templateName({ text }: Token): string {
    const token = this.#next();
    if (token.kind !== "string") this.#unexpected(token, text);
    return this.#string(token);
  }

  /** A value that goes into the page, or into a variable. */
  #output(token: Token): Node {
    const { assignment, expression } = this.#clause("action", true);
    if (assignment !== null) return { kind: "set", assignment, expression };
    const isHtml = expression.kind === "call" && expression.name === "html";
    return {
      kind: "value",
      expression: isHtml ? expression.operands[0]! : expression,
      escape: isHtml ? escapeHtml : escapeText,
      line: token.line,
    };
  }

  /** The rest of an action, perhaps with `$x :=` before its value. */
  #clause(
    where: string,
    mayEscape = false,
  ): { assignment: Assignment | null; expression: Expression } {
    const assignment = this.#assignment();
    const expression = this.#pipeline(where, mayEscape && assignment === null);
    this.#close();
    if (assignment?.declares === true) this.#variables.push(assignment.name);
    return { assignment, expression };
  }

  #assignment(): Assignment | null {
    const [variable, operator] = [this.#peek(), this.#tokens[this.#position + 1]];
    if (variable.kind !== "variable" || operator?.kind !== "symbol") return null;
    if (operator.text !== ":=" && operator.text !== "=") return null;
    this.#position += 2;
    const assignment = { name: variable.text.slice(1), declares: operator.text === ":=" };
    if (!assignment.declares) this.#checkVariable(variable);
    return assignment;
  }

  /** Commands joined by `|`, each the last operand of the next, up to the end of the action or a `)`. */
  #pipeline(where: string, mayEscape: boolean): Expression {
    let value = this.#command(where, null, mayEscape);
    while (this.#isSymbol("|")) {
      this.#next();
      value = this.#command(where, value, mayEscape);
    }
    return value;
  }

  #command(where: string, piped: Expression | null, mayEscape: boolean): Expression {
    const token = this.#peek();
    if (token.kind === "close") this.#fail(`missing value for ${where}`, token);
    const isLiteral = token.text === "true" || token.text === "false";
    if (token.kind === "word" && !isLiteral) {
      this.#next();
      const operands = this.#operands(where);
      if (piped !== null) operands.push(piped);
      this.#checkCall(token, operands, mayEscape);
      return { kind: "call", name: token.text, operands };
    }
    if (piped !== null) this.#fail("only a function can stand behind |", token);
    const value = this.#operand(where);
    if (!this.#isEnd()) {
      this.#fail("can't give operands to something that is not a function", this.#peek());
    }
    return value;
  }

  #operands(where: string): Expression[] {
    const operands: Expression[] = [];
    while (!this.#isEnd()) {
      // Operands stand apart: `.Message"x"` is a slip of the pen.
      if (!this.#peek().spaced) this.#unexpected(this.#peek(), where);
      operands.push(this.#operand(where));
    }
    return operands;
  }

  #isEnd(): boolean {
    return this.#peek().kind === "close" || this.#isSymbol("|") || this.#isSymbol(")");
  }

  #checkCall(token: Token, operands: readonly Expression[], mayEscape: boolean): void {
    const name = token.text;
    if (unsupportedWords.has(name)) this.#fail(`"${name}" is not supported in error pages`, token);
    if (!Object.hasOwn(operandCounts, name)) this.#fail(`function "${name}" not defined`, token);
    const [least, most] = operandCounts[name]!;
    if (operands.length < least || operands.length > most) {
      const want = most === least ? String(least) : `at least ${least}`;
      this.#fail(`wrong number of args for ${name}: want ${want} got ${operands.length}`, token);
    }
    if (name === "html" && !(mayEscape && !this.#isSymbol("|"))) {
      this.#fail('function "html" can\'t be used here: values are escaped anyway', token);
    }
    if (name !== "printf") return;
    const [format] = operands;
    if (format?.kind !== "literal" || typeof format.value !== "string") {
      this.#fail("the format of printf has to be a text in quotes", token);
    }
    const fault = formatFault(format.value, operands.length - 1);
    if (fault !== null) this.#fail(fault, token);
  }

  #operand(where: string): Expression {
    const token = this.#next();
    switch (token.kind) {
      case "dot":
        return { kind: "dot" };
      case "field":
        return this.#message({ kind: "dot" }, token);
      case "variable": {
        this.#checkVariable(token);
        const variable: Expression = { kind: "variable", name: token.text.slice(1) };
        const next = this.#peek();
        if (next.kind !== "field" || next.spaced) return variable;
        this.#next();
        return this.#message(variable, next);
      }
      case "string":
        return { kind: "literal", value: this.#string(token) };
      case "number":
        if (!/^[+-]?[0-9]{1,9}$/.test(token.text)) {
          this.#fail(`number ${token.text} is not supported: whole ones only`, token);
        }
        return { kind: "literal", value: Number(token.text) };
      case "word":
        return this.#word(token);
      case "symbol":
        if (token.text === "(") return this.#parenthesis(token);
    }
    return this.#unexpected(token, where);
  }

  #message(of: Expression, token: Token): Expression {
    if (token.text !== ".Message") {
      this.#fail(`field ${token.text} is not known: error pages have .Message`, token);
    }
    return { kind: "message", of };
  }

  #word(token: Token): Expression {
    if (token.text === "true" || token.text === "false") {
      return { kind: "literal", value: token.text === "true" };
    }
    this.#checkCall(token, [], false);
    return { kind: "call", name: token.text, operands: [] };
  }

  #parenthesis(token: Token): Expression {
    this.#enter(token);
    const value = this.#pipeline("parenthesis", false);
    if (!this.#isSymbol(")")) this.#fail("unclosed left paren", this.#peek());
    this.#next();
    this.#depth--;
    return value;
  }

  #enter(token: Token): void {
    if (++this.#depth > maxDepth) this.#fail("too deeply nested", token);
  }

  #checkVariable(token: Token): void {
    if (this.#variables.includes(token.text.slice(1))) return;
    this.#fail(`undefined variable ${JSON.stringify(token.text)}`, token);
  }

  #string(token: Token): string {
    return unquote(token.text) ?? this.#fail(`bad string ${token.text}`, token);
  }

  #close(): void {
    const token = this.#next();
    if (token.kind === "symbol" && token.text === ")") this.#fail("unexpected right paren", token);
    if (token.kind !== "close") this.#unexpected(token, "the end of an action");
  }

  #isSymbol(text: string): boolean {
    const token = this.#peek();
    return token.kind === "symbol" && token.text === text;
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#position, this.#tokens.length - 1)]!;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }

  #unexpected(token: Token, where: string): never {
    const found = token.kind === "end" ? "end of file" : JSON.stringify(token.text);
    this.#fail(`unexpected ${found} in ${where}`, token);
  }

  #fail(reason: string, token: Token): never {
    throw new TemplateError(this.#file, token.line, reason);
  }
}
