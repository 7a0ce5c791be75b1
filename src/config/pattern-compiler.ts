/** From the text of a pattern to the steps that `linear-pattern` takes. What can't be matched in linear time has none. */
import { maxPatternSteps } from "./limits.ts";

export type PatternStep =
  | { op: "bytes"; has: Uint8Array }
  /** Both ways are open, the first is preferred. */
  | { op: "fork"; first: number; second: number }
  | { op: "jump"; to: number }
  | { op: "save"; slot: number }
  | { op: "start" }
  | { op: "end" }
  | { op: "match" };

/** Why a pattern is none; told to the user. */
export class PatternFault extends Error {}

const classes: Readonly<Record<string, RegExp>> = {
  d: /[0-9]/,
  w: /[A-Za-z0-9_]/,
  s: /[\t\n\v\f\r ]/,
  D: /[^0-9]/,
  W: /[^A-Za-z0-9_]/,
  S: /[^\t\n\v\f\r ]/,
};
const repetition = /^\{(\d{1,3})(,(\d{0,3}))?\}/;
const unlimited = Infinity;

/** By recursive descent: alternatives of sequences of repeated atoms. */
export class PatternCompiler {
  readonly #source: string;
  readonly #steps: PatternStep[] = [];
  #at = 0;
  groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  compile(): PatternStep[] {
    if (/[^\x20-\x7e]/.test(this.#source)) throw new PatternFault("must be of ASCII characters");
    this.#add({ op: "save", slot: 0 });
    this.#alternatives();
    if (this.#at < this.#source.length) throw new PatternFault("has a ) without its (");
    this.#add({ op: "save", slot: 1 });
    this.#add({ op: "match" });
    return this.#steps;
  }

  #alternatives(): void {
    const start = this.#steps.length;
    this.#sequence();
    if (this.#source[this.#at] !== "|") return;
    this.#at++;
    const first = this.#steps.splice(start);
    const fork = { op: "fork" as const, first: 0, second: 0 };
    const jump = { op: "jump" as const, to: 0 };
    this.#add(fork);
    fork.first = this.#steps.length;
    this.#addMoved(first, start, this.#steps.length);
    this.#add(jump);
    fork.second = this.#steps.length;
    this.#alternatives();
    jump.to = this.#steps.length;
  }

  #sequence(): void {
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const start = this.#steps.length;
      this.#atom();
      this.#repeat(start);
    }
  }

  #atom(): void {
    const character = this.#source[this.#at++]!;
    switch (character) {
      case "(":
        this.#group();
        break;
      case "[":
        this.#add({ op: "bytes", has: this.#class() });
        break;
      case ".":
        // Line ends as well: a rule of paths must not be passed by with %0A.
        this.#add({ op: "bytes", has: new Uint8Array(256).fill(1) });
        break;
      case "^":
        this.#add({ op: "start" });
        break;
      case "$":
        this.#add({ op: "end" });
        break;
      case "\\":
        this.#add({ op: "bytes", has: this.#escape() });
        break;
      case "*":
      case "+":
      case "?":
      case "{":
        throw new PatternFault(`has ${character} with nothing before it to repeat`);
      default:
        this.#add({ op: "bytes", has: oneByte(character) });
    }
  }

  #group(): void {
    const isPlain = this.#source.startsWith("?:", this.#at);
    if (!isPlain && this.#source[this.#at] === "?") {
      throw new PatternFault(
        "looks around or names a group, which can't be done in linear time here",
      );
    }
    if (isPlain) this.#at += 2;
    const group = isPlain ? 0 : ++this.groups;
    if (!isPlain) this.#add({ op: "save", slot: 2 * group });
    this.#alternatives();
    if (this.#source[this.#at++] !== ")") throw new PatternFault("has a ( without its )");
    if (!isPlain) this.#add({ op: "save", slot: 2 * group + 1 });
  }

  #escape(): Uint8Array {
    const character = this.#source[this.#at++] ?? "";
    const known = classes[character];
    if (known !== undefined) return bytesOf(known);
    if (/[0-9A-Za-z]/.test(character) || character === "") {
      throw new PatternFault(`has the escape \\${character}, which is not supported`);
    }
    return oneByte(character);
  }

  #class(): Uint8Array {
    const isNegated = this.#source[this.#at] === "^";
    if (isNegated) this.#at++;
    const has = new Uint8Array(256);
    for (;;) {
      const character = this.#source[this.#at++];
      if (character === undefined) throw new PatternFault("has a [ without its ]");
      if (character === "]") break;
      const bytes = character === "\\" ? this.#escape() : oneByte(character);
      const isRange =
        this.#source[this.#at] === "-" && !"]".includes(this.#source[this.#at + 1] ?? "]");
      if (isRange) {
        const last = this.#source[this.#at + 1]!;
        this.#at += 2;
        const from = bytes.indexOf(1);
        if (bytes.lastIndexOf(1) !== from || last === "\\" || last.charCodeAt(0) < from) {
          throw new PatternFault("has a range in [ ] that can't be read");
        }
        has.fill(1, from, last.charCodeAt(0) + 1);
      } else {
        for (let byte = 0; byte < 256; byte++) has[byte]! |= bytes[byte]!;
      }
    }
    return isNegated ? has.map((bit) => 1 - bit) : has;
  }

  #repeat(start: number): void {
    const [min, max] = this.#bounds();
    if (min === 1 && max === 1) return;
    if (this.#source[this.#at] === "*" || this.#source[this.#at] === "+") {
      throw new PatternFault("repeats a repetition without ( )");
    }
    const isLazy = this.#source[this.#at] === "?";
    if (isLazy) this.#at++;
    const body = this.#steps.splice(start);
    for (let count = 0; count < min; count++) this.#addMoved(body, start, this.#steps.length);
    if (max === unlimited) {
      const fork = this.#fork();
      this.#addMoved(body, start, this.#steps.length);
      this.#add({ op: "jump", to: fork.at });
      fork.set(fork.at + 1, this.#steps.length, isLazy);
      return;
    }
    for (let count = min; count < max; count++) {
      const fork = this.#fork();
      this.#addMoved(body, start, this.#steps.length);
      fork.set(fork.at + 1, this.#steps.length, isLazy);
    }
  }

  #bounds(): [min: number, max: number] {
    switch (this.#source[this.#at]) {
      case "*":
        this.#at++;
        return [0, unlimited];
      case "+":
        this.#at++;
        return [1, unlimited];
      case "?":
        this.#at++;
        return [0, 1];
      case "{":
        break;
      default:
        return [1, 1];
    }
    const match = repetition.exec(this.#source.slice(this.#at));
    if (match === null)
      throw new PatternFault("has a { that is no repetition; \\{ stands for itself");
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? unlimited : Number(match[3]);
    if (max < min) throw new PatternFault("repeats at least more often than at most");
    return [min, max];
  }

  #fork() {
    const at = this.#steps.length;
    const fork = { op: "fork" as const, first: 0, second: 0 };
    this.#add(fork);
    return {
      at,
      set(body: number, behind: number, isLazy: boolean): void {
        fork.first = isLazy ? behind : body;
        fork.second = isLazy ? body : behind;
      },
    };
  }

  #add(step: PatternStep): void {
    if (this.#steps.length >= maxPatternSteps) {
      throw new PatternFault(`is too large: it takes more than ${maxPatternSteps} steps`);
    }
    this.#steps.push(step);
  }

  /** Steps that stood at `from`, with what they lead to. */
  #addMoved(steps: readonly PatternStep[], from: number, to: number): void {
    const by = to - from;
    for (const step of steps) {
      if (step.op === "fork") {
        this.#add({ op: "fork", first: step.first + by, second: step.second + by });
      } else {
        this.#add(step.op === "jump" ? { op: "jump", to: step.to + by } : step);
      }
    }
  }
}

function bytesOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) =>
    pattern.test(String.fromCharCode(byte)) ? 1 : 0,
  );
}

function oneByte(character: string): Uint8Array {
  const has = new Uint8Array(256);
  has[character.charCodeAt(0)] = 1;
  return has;
}
