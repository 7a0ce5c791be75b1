/** Reads the tokens of a template into nodes. Each file may define further templates. */
import { escapeHtml, escapeText } from "./escapers.ts";
import { formatFault, functions, unsupportedWords } from "./functions.ts";
import { type Token, tokenize, unquote } from "./lexer.ts";
import { type Expression, type Node, type ParsedTemplate, TemplateError } from "./nodes.ts";
import { messageField } from "./values.ts";

const maxDepth = 100;

/** The templates of one file by name: the file itself and all that it defines. */
export function parseTemplate(file: string, source: string): Map<string, ParsedTemplate> {
  return new Parser(file, tokenize(file, source)).run();
}

class Parser {
  readonly #file: string;
  readonly #tokens: Token[];
  readonly #templates = new Map<string, ParsedTemplate>();
  #position = 0;
  /** Names that can be seen, by place. */
  #variables = ["$"];
  #depth = 0;

  constructor(file: string, tokens: Token[]) {
    this.#file = file;
    this.#tokens = tokens;
  }

  run(): Map<string, ParsedTemplate> {
    const { nodes } = this.#list("file");
    // A file may consist of nothing but definitions, and be one of them.
    const isEmpty = nodes.every((node) => node.kind === "text" && node.text.trim() === "");
    if (!isEmpty || !this.#templates.has(this.#file)) this.#add(this.#file, nodes);
    return this.#templates;
  }

  #add(name: string, nodes: Node[]): void {
    this.#templates.set(name, { file: this.#file, nodes });
  }

  /** Up to the end of the file, or behind `{{end}}` or the word `else`. */
  #list(within: "file" | "definition" | "branch"): { nodes: Node[]; hasElse: boolean } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#next();
      switch (token.kind === "word" ? `{{${token.text}}}` : token.kind) {
        case "text":
          this.#text(nodes, token);
          break;
        case "end":
          if (within !== "file") this.#fail("unexpected EOF: an {{end}} is missing", token);
          return { nodes, hasElse: false };
        case "{{end}}":
          if (within === "file") this.#fail("unexpected {{end}}", token);
          this.#close();
          return { nodes, hasElse: false };
        case "{{else}}":
          if (within !== "branch") this.#fail("unexpected {{else}}", token);
          return { nodes, hasElse: true };
        case "{{if}}":
        case "{{with}}":
          nodes.push(this.#branch(token, token.text as "if" | "with"));
          break;
        case "{{define}}":
          if (within !== "file") this.#fail("unexpected {{define}}", token);
          this.#define(this.#templateName("define"), true);
          break;
        case "{{block}}":
        case "{{template}}":
          nodes.push(this.#call(token));
          break;
        default:
          this.#position--;
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

  #branch(token: Token, kind: "if" | "with"): Node {
    this.#enter(token);
    const outer = this.#variables.length;
    const { variable, value } = this.#clause(kind);
    const inner = this.#variables.length;
    const { nodes: body, hasElse } = this.#list("branch");
    this.#variables.length = inner;
    const otherwise = hasElse ? this.#otherwise() : [];
    this.#variables.length = outer;
    this.#depth--;
    return { kind, variable, value, body, otherwise, line: token.line };
  }

  /** Behind `{{else`: the branch itself, or one more condition that shares the `{{end}}`. */
  #otherwise(): Node[] {
    const token = this.#next();
    if (token.kind === "word" && (token.text === "if" || token.text === "with")) {
      return [this.#branch(token, token.text)];
    }
    this.#position--;
    this.#close();
    const { nodes, hasElse } = this.#list("branch");
    if (hasElse) this.#fail("expected {{end}}; found {{else}}");
    return nodes;
  }

  #define(name: string, closes: boolean): void {
    if (closes) this.#close();
    const outer = this.#variables;
    this.#variables = ["$"];
    this.#add(name, this.#list("definition").nodes);
    this.#variables = outer;
  }

  /** `{{template "x" .}}`, and `{{block "x" .}}`, which defines it as well. */
  #call({ text, line }: Token): Node {
    const name = this.#templateName(text);
    const hasValue = text === "block" || this.#peek().kind !== "close";
    const value = hasValue ? this.#clause(text).value : null;
    if (!hasValue) this.#close();
    if (text === "block") this.#define(name, false);
    return { kind: "template", name, value, line };
  }

  #templateName(where: string): string {
    const token = this.#next();
    return token.kind === "string" ? this.#string(token) : this.#unexpected(token, where);
  }

  /** A value that goes into the page, or into a variable. */
  #output({ line }: Token): Node {
    const { variable, value, isHtml } = this.#clause("action", true);
    if (variable !== null) return { kind: "set", variable, value };
    return { kind: "value", value, escape: isHtml ? escapeHtml : escapeText, line };
  }

  /** The rest of an action, perhaps with `$x :=` or `$x =` before its value. */
  #clause(where: string, mayEscape = false) {
    const [name, operator] = this.#tokens.slice(this.#position, this.#position + 2);
    const declares = name!.kind === "variable" && operator?.text === ":=";
    const sets = name!.kind === "variable" && operator?.text === "=";
    if (declares || sets) this.#position += 2;
    let variable = sets ? this.#variable(name!) : null;
    const { value, isHtml } = this.#pipeline(where, mayEscape && !declares && !sets);
    this.#close();
    if (declares) variable = this.#variables.push(name!.text) - 1;
    return { variable, value, isHtml };
  }

  /** Commands joined by `|`, each the last operand of the next, up to the end of the action or a `)`. */
  #pipeline(where: string, mayEscape: boolean): { value: Expression; isHtml: boolean } {
    let piped: Expression[] = [];
    for (;;) {
      const token = this.#peek();
      const value = this.#command(where, piped);
      const isHtml = token.kind === "word" && token.text === "html";
      const goesOn = this.#skip("|");
      if (isHtml && (goesOn || !mayEscape)) this.#refuseHtml(token);
      if (!goesOn) return { value, isHtml };
      piped = [value];
    }
  }

  #command(where: string, piped: Expression[]): Expression {
    const token = this.#next();
    if (token.kind === "close") this.#fail(`missing value for ${where}`, token);
    if (token.kind === "word" && !isBoolean(token)) {
      const operands: Expression[] = [];
      const format = this.#peek();
      while (!this.#isEnd()) {
        // Operands stand apart: `.Message"x"` is a slip of the pen.
        if (!this.#peek().spaced) this.#unexpected(this.#peek(), where);
        operands.push(this.#operand(where));
      }
      return this.#function(token, [...operands, ...piped], format);
    }
    if (piped.length > 0) this.#fail("only a function can stand behind |", token);
    this.#position--;
    const value = this.#operand(where);
    if (!this.#isEnd()) this.#fail("can't give operands to something that is not a function");
    return value;
  }

  #function(token: Token, operands: Expression[], format: Token): Expression {
    const name = token.text;
    if (unsupportedWords.has(name)) this.#fail(`"${name}" is not supported in error pages`, token);
    if (!Object.hasOwn(functions, name)) this.#fail(`function "${name}" not defined`, token);
    const { least, most, call } = functions[name]!;
    if (operands.length < least || operands.length > most) {
      const want = most === least ? String(least) : `at least ${least}`;
      this.#fail(`wrong number of args for ${name}: want ${want} got ${operands.length}`, token);
    }
    if (name === "printf") {
      if (format.kind !== "string") {
        this.#fail("the format of printf has to be a text in quotes", token);
      }
      const fault = formatFault(this.#string(format), operands.length - 1);
      if (fault !== null) this.#fail(fault, token);
    }
    return call(operands);
  }

  #operand(where: string): Expression {
    const token = this.#next();
    switch (token.kind) {
      case "dot":
        return (dot) => dot;
      case "field":
        return this.#message(token, (dot) => dot);
      case "variable": {
        const place = this.#variable(token);
        const variable: Expression = (_, variables) => variables[place];
        const next = this.#peek();
        if (next.kind !== "field" || next.spaced) return variable;
        return this.#message(this.#next(), variable);
      }
      case "string":
        return literal(this.#string(token));
      case "number":
        if (!/^[+-]?[0-9]{1,9}$/.test(token.text)) {
          this.#fail(`number ${token.text} is not supported: whole ones only`, token);
        }
        return literal(Number(token.text));
      case "word":
        if (isBoolean(token)) return literal(token.text === "true");
        if (token.text === "html") this.#refuseHtml(token);
        return this.#function(token, [], token);
      default:
        return token.text === "(" ? this.#parenthesis(token) : this.#unexpected(token, where);
    }
  }

  #message(token: Token, of: Expression): Expression {
    if (token.text !== ".Message") {
      this.#fail(`field ${token.text} is not known: error pages have .Message`, token);
    }
    return (dot, variables) => messageField(of(dot, variables));
  }

  #parenthesis(token: Token): Expression {
    this.#enter(token);
    const { value } = this.#pipeline("parenthesis", false);
    if (!this.#skip(")")) this.#fail("unclosed left paren");
    this.#depth--;
    return value;
  }

  #enter(token: Token): void {
    if (++this.#depth > maxDepth) this.#fail("too deeply nested", token);
  }

  #variable(token: Token): number {
    const place = this.#variables.lastIndexOf(token.text);
    if (place < 0) this.#fail(`undefined variable ${JSON.stringify(token.text)}`, token);
    return place;
  }

  #string(token: Token): string {
    return unquote(token.text) ?? this.#fail(`bad string ${token.text}`, token);
  }

  #refuseHtml(token: Token): never {
    this.#fail('function "html" can\'t be used here: values are escaped anyway', token);
  }

  #close(): void {
    const token = this.#next();
    if (isSymbol(token, ")")) this.#fail("unexpected right paren", token);
    if (token.kind !== "close") this.#unexpected(token, "the end of an action");
  }

  #isEnd(): boolean {
    const token = this.#peek();
    return token.kind === "close" || isSymbol(token, "|") || isSymbol(token, ")");
  }

  #skip(symbol: string): boolean {
    const isThere = isSymbol(this.#peek(), symbol);
    if (isThere) this.#position++;
    return isThere;
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

  #fail(reason: string, token: Token = this.#peek()): never {
    throw new TemplateError(this.#file, token.line, reason);
  }
}

function isSymbol(token: Token, text: string): boolean {
  return token.kind === "symbol" && token.text === text;
}

function isBoolean({ text }: Token): boolean {
  return text === "true" || text === "false";
}

function literal(value: string | number | boolean): Expression {
  return () => value;
}
