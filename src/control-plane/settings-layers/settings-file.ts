/** One file of settings, in TOML, YAML or JSON: a table for each service, or for all that match a pattern. */
import { CommandError } from "../../config/command-error.ts";
import { messageOf } from "../../lib/error-text.ts";

type Parse = (text: string) => unknown;

const parsers: Readonly<Record<string, Parse>> = {
  toml: (text) => Bun.TOML.parse(quotePatterns(text)),
  yml: (text) => Bun.YAML.parse(text),
  yaml: (text) => Bun.YAML.parse(text),
  json: (text) => JSON.parse(text),
};

export const settingsFileNames: readonly string[] = Object.keys(parsers).map(
  (format) => `proxy.${format}`,
);

/** Editors find the schema of a JSON file by it. */
const schemaKey = "$schema";

export interface SettingsTable {
  /** Of a service, or with `*` of several. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export class SettingsFile {
  readonly path: string;
  readonly tables: readonly SettingsTable[];
  readonly #lines: readonly string[];

  private constructor(path: string, text: string, tables: readonly SettingsTable[]) {
    this.path = path;
    this.tables = tables;
    this.#lines = text.split("\n");
  }

  /** Throws a CommandError when the text is no file of settings. */
  static parse(path: string, text: string): SettingsFile {
    const parse = parsers[path.slice(path.lastIndexOf(".") + 1)]!;
    let content: unknown;
    try {
      content = parse(text);
    } catch (error) {
      const line = path.endsWith(".json") ? null : firstFaultyLine(text, parse);
      throw new CommandError(`${placeText(path, line)}: ${messageOf(error)}`);
    }
    // An empty YAML file.
    const root = content ?? {};
    if (!isTable(root)) throw new CommandError(`${path}: has no tables named after services`);
    const tables = Object.entries(root).flatMap(([name, values]) =>
      name === schemaKey ? [] : [{ name, values: values ?? {} }],
    );
    const file = new SettingsFile(path, text, []);
    for (const { name, values } of tables) {
      if (!isTable(values)) {
        throw new CommandError(`${file.place(name, null)}: ${name} must be a table of settings`);
      }
    }
    return new SettingsFile(path, text, tables as SettingsTable[]);
  }

  /** File and line for a message. No parser tells lines, so the key is looked for behind its table. */
  place(table: string, key: string | null): string {
    const tableLine = this.#find(table, 0);
    const line = key === null || tableLine === null ? tableLine : this.#find(key, tableLine);
    return placeText(this.path, line === null ? null : line + 1);
  }

  #find(name: string, from: number): number | null {
    const escaped = RegExp.escape(name);
    const token = new RegExp(`(?:^|[\\s{,."'[])${escaped}["']?\\s*[\\].:=]`);
    const index = this.#lines.findIndex(
      (line, number) => number >= from && !/^\s*#/.test(line) && token.test(line),
    );
    return index < 0 ? null : index;
  }
}

/** Whether a table is that of a service; `*` stands for any characters. */
export function isTableOf(name: string, service: string): boolean {
  if (!isPattern(name)) return name === service;
  const parts = name.split("*").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(service);
}

export function isPattern(name: string): boolean {
  return name.includes("*");
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placeText(path: string, line: number | null): string {
  return line === null ? path : `${path}, line ${line}`;
}

/** `[app-*]` is what one writes; TOML wants quotes around a star. */
function quotePatterns(text: string): string {
  return text.replace(/^([ \t]*\[[ \t]*)([\w*-]*\*[\w*-]*)([ \t]*\])/gm, '$1"$2"$3');
}

/** Behind the longest beginning that is in order; from there on nothing is. */
function firstFaultyLine(text: string, parse: Parse): number | null {
  const lines = text.split("\n");
  for (let count = lines.length - 1; count > 0; count--) {
    try {
      parse(lines.slice(0, count).join("\n"));
      return count + 1;
    } catch {
      // The fault is further up.
    }
  }
  return 1;
}
