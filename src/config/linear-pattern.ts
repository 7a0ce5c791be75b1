/**
 * Regular expressions whose time grows with the length of the text and no faster, whatever they and the text
 * are: all ways to match are followed side by side (Thompson 1968), so nothing is ever tried again. What
 * can't be matched so, references back and looks around, is refused. Texts are byte strings.
 */
import { maxPatternText } from "./limits.ts";
import { PatternCompiler, type PatternStep } from "./pattern-compiler.ts";

/** A part of a text, from its first character to the one behind it. */
export type TextSpan = readonly [start: number, end: number];

export class LinearPattern {
  readonly #steps: readonly PatternStep[];
  readonly #slots: number;
  readonly #visited: Int32Array;
  #generation = 0;

  /** Throws a PatternFault. */
  constructor(source: string) {
    const compiler = new PatternCompiler(source);
    this.#steps = compiler.compile();
    this.#slots = 2 * (compiler.groups + 1);
    this.#visited = new Int32Array(this.#steps.length);
  }

  get groups(): number {
    return this.#slots / 2 - 1;
  }

  /** The whole match and its groups, the leftmost and preferred; null when there is none, or the text is too long. */
  match(text: string): TextSpan[] | null {
    const found = text.length > maxPatternText ? null : this.#find(text);
    if (found === null) return null;
    return Array.from({ length: this.#slots / 2 }, (_, group): TextSpan => [
      Math.max(0, found[2 * group]!),
      Math.max(0, found[2 * group + 1]!),
    ]);
  }

  #find(text: string): Int32Array | null {
    let found: Int32Array | null = null;
    let threads = new Threads();
    let next = new Threads();
    for (let at = 0; at <= text.length; at++) {
      // A match that begins further left is preferred.
      if (found === null) {
        if (threads.count === 0) this.#generation++;
        this.#follow(threads, 0, text, at, new Int32Array(this.#slots).fill(-1));
      }
      if (threads.count === 0 && found !== null) break;
      this.#generation++;
      next.count = 0;
      const code = at < text.length ? text.charCodeAt(at) & 0xff : -1;
      for (let i = 0; i < threads.count; i++) {
        const step = this.#steps[threads.steps[i]!]!;
        if (step.op === "match") {
          found = threads.saved[i]!;
          // Those behind it are less preferred.
          break;
        }
        if (step.op === "bytes" && code >= 0 && step.has[code] === 1) {
          this.#follow(next, threads.steps[i]! + 1, text, at + 1, threads.saved[i]!);
        }
      }
      [threads, next] = [next, threads];
    }
    return found;
  }

  /** Adds what can be reached without a byte. */
  #follow(threads: Threads, index: number, text: string, at: number, saved: Int32Array): void {
    if (this.#visited[index] === this.#generation) return;
    this.#visited[index] = this.#generation;
    const step = this.#steps[index]!;
    switch (step.op) {
      case "jump":
        this.#follow(threads, step.to, text, at, saved);
        break;
      case "fork":
        this.#follow(threads, step.first, text, at, saved);
        this.#follow(threads, step.second, text, at, saved);
        break;
      case "save": {
        const copy = saved.slice();
        copy[step.slot] = at;
        this.#follow(threads, index + 1, text, at, copy);
        break;
      }
      case "start":
        if (at === 0) this.#follow(threads, index + 1, text, at, saved);
        break;
      case "end":
        if (at === text.length) this.#follow(threads, index + 1, text, at, saved);
        break;
      default:
        threads.add(index, saved);
    }
  }
}

class Threads {
  count = 0;
  readonly steps: number[] = [];
  readonly saved: Int32Array[] = [];

  add(step: number, saved: Int32Array): void {
    this.steps[this.count] = step;
    this.saved[this.count] = saved;
    this.count++;
  }
}
