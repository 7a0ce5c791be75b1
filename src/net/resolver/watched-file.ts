/** What a small file of the system says, read again whenever the file has changed. */
import { readFileSync, statSync } from "node:fs";
import { maxSystemFileBytes } from "../../config/limits.ts";

export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #version: string | null = null;
  #value: T;

  /** A file that is missing, too large or no file counts as an empty one. */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#value = parse("");
  }

  /** A look at the file's times costs 2 µs; nothing is read as long as they stay. */
  get value(): T {
    const version = this.#currentVersion();
    if (version !== this.#version) {
      this.#version = version;
      this.#value = this.#parse(version === "" ? "" : this.#text());
    }
    return this.#value;
  }

  #currentVersion(): string {
    try {
      const stat = statSync(this.#path, { throwIfNoEntry: false });
      if (stat === undefined || !stat.isFile() || stat.size > maxSystemFileBytes) return "";
      return `${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.size}`;
    } catch {
      return "";
    }
  }

  #text(): string {
    try {
      return readFileSync(this.#path, "latin1");
    } catch {
      return "";
    }
  }
}

/** The words of each line, without comments. */
export function* linesOf(text: string, comment: RegExp): Generator<string[]> {
  for (const line of text.split("\n")) {
    const words = line.replace(comment, "").trim().split(/\s+/);
    if (words[0] !== "") yield words;
  }
}
