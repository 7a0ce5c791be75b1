/** Splits the source of a template into text and the words of its actions. */
import { TemplateError } from "./nodes.ts";

export interface Token {
  kind:
    | "text"
    | "close"
    | "word"
    | "field"
    | "variable"
    | "dot"
    | "string"
    | "number"
    | "symbol"
    | "end";
  /** As it stands in the source. */
  text: string;
  line: number;
  /** Whether a blank stands before it. */
  spaced: boolean;
}

const text = /(?:[^{]|\{(?!\{))*/y;
const blanks = /[ \t\r\n]*/y;
const opening = /\{\{(?:-(?=[ \t\r\n]))?/y;
const closing = /\}\}/y;
const closingBehindBlank = /-?\}\}/y;
/** Only a trim marker, which has a blank on its other side, may stand between the braces and a comment. */
const comment = /\{\{(?:-[ \t\r\n]+)?\/\*[^]*?\*\/(?:[ \t\r\n]+-)?\}\}/y;
const word =
  /(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>[+-]?\p{N}[\p{L}\p{N}_.]*)|(?<field>\.[\p{L}_][\p{L}\p{N}_]*)|(?<variable>\$[\p{L}\p{N}_]*)|(?<dot>\.)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol>:=|[=|(),])/uy;

export function tokenize(file: string, source: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let line = 1;
  const push = (kind: string, found: string, spaced = false): void => {
    tokens.push({ kind: kind as Token["kind"], text: found, line, spaced });
  };
  const fail = (reason: string, at = line): never => {
    throw new TemplateError(file, at, reason);
  };
  const look = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    return pattern.exec(source);
  };
  const goOn = (found = ""): string => {
    position += found.length;
    for (const character of found) if (character === "\n") line++;
    return found;
  };

  for (let trims = false; ;) {
    if (trims) goOn(look(blanks)![0]);
    const found = look(text)![0];
    const isTrimmed = /^\{\{-[ \t\r\n]/.test(source.slice(position + found.length).slice(0, 4));
    const kept = isTrimmed ? found.replace(/[ \t\r\n]+$/, "") : found;
    if (kept !== "") push("text", kept);
    goOn(found);
    if (position === source.length) break;
    const whole = look(comment)?.[0];
    if (whole !== undefined) {
      trims = /[ \t\r\n]-\}\}$/.test(goOn(whole));
      continue;
    }
    const openLine = line;
    goOn(look(opening)![0]);
    for (;;) {
      const spaced = goOn(look(blanks)![0]) !== "";
      const close = look(spaced ? closingBehindBlank : closing)?.[0];
      if (close !== undefined) {
        push("close", goOn(close));
        trims = close !== "}}";
        break;
      }
      if (position === source.length) fail("unclosed action", openLine);
      const [kind, found] =
        Object.entries(look(word)?.groups ?? {}).find(([, part]) => part !== undefined) ??
        fail(strange(source.slice(position, position + 2)));
      push(kind, found, spaced);
      goOn(found);
    }
  }
  push("end", "");
  return tokens;
}

function strange(start: string): string {
  if (start.startsWith('"') || start.startsWith("`")) return "unterminated quoted string";
  if (start === "/*") return "unclosed or misplaced comment";
  return `unexpected ${JSON.stringify(String.fromCodePoint(start.codePointAt(0)!))} in an action`;
}

const escapeLetters = 'abfnrtv\\"';
const escapedLetters = '\x07\b\f\n\r\t\v\\"';
const escape =
  /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\"]))|\\/g;

/** The value of a Go string literal in double quotes or backquotes; undefined when it is malformed. */
export function unquote(literal: string): string | undefined {
  if (literal.startsWith("`")) return literal.slice(1, -1).replaceAll("\r", "");
  let malformed = false;
  const value = literal
    .slice(1, -1)
    .replace(escape, (_, x?: string, u?: string, U?: string, octal?: string, letter?: string) => {
      if (letter !== undefined) return escapedLetters[escapeLetters.indexOf(letter)]!;
      const code = octal === undefined ? Number(`0x${x ?? u ?? U}`) : Number(`0o${octal}`);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      malformed = true;
      return "";
    });
  return malformed ? undefined : value;
}
