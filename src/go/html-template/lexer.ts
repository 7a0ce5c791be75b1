/** Splits the source of a template into text and the words of its actions. */
import { TemplateError } from "./nodes.ts";

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "word"
  | "field"
  | "variable"
  | "dot"
  | "string"
  | "number"
  | "symbol"
  | "end";

export interface Token {
  kind: TokenKind;
  /** Of fields and variables without `.` or `$`, of strings as they stand in the source. */
  text: string;
  line: number;
  /** Whether a blank stands before it. */
  spaced: boolean;
}

const blanks = " \t\r\n";
/** What may stand in an action, each at the place where the last one ended. */
const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  [
    "number",
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)(?![\p{L}\p{N}_])/uy,
  ],
  ["number", /'(?:[^'\\\n]|\\.[^'\n]*)'/uy],
  ["field", /\.([\p{L}_][\p{L}\p{N}_]*)/uy],
  ["variable", /\$([\p{L}\p{N}_]*)/uy],
  ["dot", /\./y],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["symbol", /:=|[=|(),]/y],
];

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
      const textEnd = open < 0 ? this.#source.length : open;
      const trimEnd = open >= 0 && this.#isTrimMarker(open + 2);
      this.#text(textEnd, trimStart, trimEnd);
      if (open < 0) break;
      this.#advance(open + (trimEnd ? 3 : 2));
      trimStart = this.#action();
    }
    this.#push("end", "", false);
    return this.#tokens;
  }

  #text(end: number, trimStart: boolean, trimEnd: boolean): void {
    let start = this.#position;
    if (trimStart) while (start < end && blanks.includes(this.#source[start]!)) start++;
    if (trimEnd) while (end > start && blanks.includes(this.#source[end - 1]!)) end--;
    this.#advance(start);
    if (end > start) this.#push("text", this.#source.slice(start, end), false);
  }

  /** Reads up to behind the closing marker; true when it trims what follows. */
  #action(): boolean {
    const openLine = this.#line;
    const afterBlanks = this.#skipped(this.#position);
    // Only a trim marker may stand between the braces and a comment.
    if (this.#source.startsWith("/*", this.#isTrimmed() ? afterBlanks : this.#position)) {
      return this.#comment(afterBlanks);
    }
    this.#push("open", "{{", false);
    for (;;) {
      const start = this.#position;
      this.#advance(this.#skipped(start));
      const spaced = this.#position > start;
      const close = this.#closeLength(spaced);
      if (close > 0) {
        this.#push("close", "}}", spaced);
        this.#advance(this.#position + close);
        return close > 2;
      }
      if (this.#position >= this.#source.length) this.#fail("unclosed action", openLine);
      this.#token(spaced);
    }
  }

  #isTrimmed(): boolean {
    return this.#source[this.#position - 1] === "-";
  }

  #comment(start: number): boolean {
    const end = this.#source.indexOf("*/", start);
    if (end < 0) this.#fail("unclosed comment");
    this.#advance(end + 2);
    const afterBlanks = this.#skipped(this.#position);
    const spaced = afterBlanks > this.#position;
    const close = this.#source.startsWith("}}", this.#position)
      ? 2
      : spaced && this.#source.startsWith("-}}", afterBlanks)
        ? 3
        : 0;
    if (close === 0) this.#fail("comment ends before closing delimiter");
    this.#advance((close === 2 ? this.#position : afterBlanks) + close);
    return close === 3;
  }

  #token(spaced: boolean): void {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = this.#position;
      const match = pattern.exec(this.#source);
      if (match === null) continue;
      this.#push(kind, match[1] ?? match[0], spaced);
      this.#advance(this.#position + match[0].length);
      return;
    }
    const character = String.fromCodePoint(this.#source.codePointAt(this.#position)!);
    if (character === '"' || character === "`") this.#fail("unterminated quoted string");
    if (character === "'") this.#fail("unterminated character constant");
    this.#fail(`unexpected ${JSON.stringify(character)} in an action`);
  }

  /** 2 for `}}`, 3 for `-}}` behind a blank, else 0. */
  #closeLength(spaced: boolean): number {
    if (this.#source.startsWith("}}", this.#position)) return 2;
    return spaced && this.#source.startsWith("-}}", this.#position) ? 3 : 0;
  }

  #isTrimMarker(position: number): boolean {
    return (
      this.#source[position] === "-" &&
      position + 1 < this.#source.length &&
      blanks.includes(this.#source[position + 1]!)
    );
  }

  #skipped(position: number): number {
    while (position < this.#source.length && blanks.includes(this.#source[position]!)) position++;
    return position;
  }

  #advance(position: number): void {
    for (let i = this.#position; i < position; i++) {
      if (this.#source.charCodeAt(i) === 0x0a) this.#line++;
    }
    this.#position = position;
  }

  #push(kind: TokenKind, text: string, spaced: boolean): void {
    this.#tokens.push({ kind, text, line: this.#line, spaced });
    if (kind === "text") this.#advance(this.#position + text.length);
  }

  #fail(reason: string, line: number = this.#line): never {
    throw new TemplateError(this.#file, line, reason);
  }
}
