/** Splits the source of a template into text and the words of its actions. */
import { TemplateError } from "./nodes.ts";

export type TokenKind =
  "text" | "close" | "word" | "field" | "variable" | "dot" | "string" | "number" | "symbol" | "end";

export interface Token {
  kind: TokenKind;
  /** As it stands in the source. */
  text: string;
  line: number;
  /** Whether a blank stands before it. */
  spaced: boolean;
}

const action =
  /(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>[+-]?\p{N}[\p{L}\p{N}_.]*)|(?<field>\.[\p{L}_][\p{L}\p{N}_]*)|(?<variable>\$[\p{L}\p{N}_]*)|(?<dot>\.)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol>:=|[=|(),])/uy;
const blanks = /[ \t\r\n]*/y;
/** Only a trim marker, which has a blank on its other side, may stand between the braces and a comment. */
const comment = /\{\{(?:-[ \t\r\n]+)?\/\*[^]*?\*\/(?:[ \t\r\n]+-)?\}\}/y;
const opening = /\{\{(?:-(?=[ \t\r\n]))?/y;
const closing = /\}\}/y;
const trimmedClosing = /-\}\}/y;

export function tokenize(file: string, source: string): Token[] {
  return new Lexer(file, source).run();
}

class Lexer {
  readonly #file: string;
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;

  constructor(file: string, source: string) {
    this.#file = file;
    this.#source = source;
  }

  run(): Token[] {
    let trimStart = false;
    for (;;) {
      const open = this.#source.indexOf("{{", this.#position);
      const end = open < 0 ? this.#source.length : open;
      const isTrimmed = open >= 0 && /^-[ \t\r\n]/.test(this.#source.slice(open + 2, open + 4));
      this.#text(end, trimStart, isTrimmed);
      if (open < 0) break;
      trimStart = this.#action();
    }
    this.#push("end", "", false);
    return this.#tokens;
  }

  #text(end: number, trimStart: boolean, trimEnd: boolean): void {
    if (trimStart) this.#take(blanks);
    let text = this.#source.slice(Math.min(this.#position, end), end);
    if (trimEnd) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") this.#push("text", text, false);
    this.#moveTo(end);
  }

  /** Reads up to behind the closing braces; true when they trim what follows. */
  #action(): boolean {
    const whole = this.#take(comment);
    if (whole !== null) return /[ \t\r\n]-\}\}$/.test(whole);
    const openLine = this.#line;
    this.#take(opening);
    for (;;) {
      const spaced = this.#take(blanks) !== "";
      const isTrimming = spaced && this.#take(trimmedClosing) !== null;
      if (isTrimming || this.#take(closing) !== null) {
        this.#push("close", "}}", spaced);
        return isTrimming;
      }
      if (this.#position >= this.#source.length) this.#fail("unclosed action", openLine);
      this.#token(spaced);
    }
  }

  #token(spaced: boolean): void {
    action.lastIndex = this.#position;
    const groups = action.exec(this.#source)?.groups;
    const found = Object.entries(groups ?? {}).find(([, text]) => text !== undefined);
    if (found === undefined) this.#strange();
    this.#push(found[0] as TokenKind, found[1], spaced);
    this.#moveTo(this.#position + found[1].length);
  }

  #strange(): never {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#position)!);
    if (character === '"' || character === "`") this.#fail("unterminated quoted string");
    if (this.#source.startsWith("/*", this.#position)) this.#fail("unclosed or misplaced comment");
    this.#fail(`unexpected ${JSON.stringify(character)} in an action`);
  }

  /** What the pattern finds here, taken. */
  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#position;
    const text = pattern.exec(this.#source)?.[0];
    if (text === undefined) return null;
    this.#moveTo(this.#position + text.length);
    return text;
  }

  #moveTo(position: number): void {
    for (let i = this.#position; i < position; i++) {
      if (this.#source.charCodeAt(i) === 0x0a) this.#line++;
    }
    this.#position = Math.max(this.#position, position);
  }

  #push(kind: TokenKind, text: string, spaced: boolean): void {
    this.#tokens.push({ kind, text, line: this.#line, spaced });
  }

  #fail(reason: string, line: number = this.#line): never {
    throw new TemplateError(this.#file, line, reason);
  }
}
