/**
 * The part of Go's html/template that error pages use: text, comments, trim markers, `if`, `with`, templates
 * that call each other, variables, a few functions; values in text and in quoted attributes, escaped. All
 * else is refused by name and line when the template is parsed or prepared.
 */
import { compileTemplate } from "./html-template/compiler.ts";
import type { ParsedTemplate } from "./html-template/nodes.ts";
import { Page, type Writer } from "./html-template/page.ts";
import { messageOf } from "../lib/error-text.ts";
import { parseTemplate } from "./html-template/parser.ts";
import type { PageData } from "./html-template/values.ts";

export type Rendered = { kind: "page"; text: string } | { kind: "error"; message: string };

/** Templates that can call each other by name. */
export class TemplateSet {
  readonly #templates = new Map<string, ParsedTemplate>();
  readonly #prepared = new Map<string, Writer>();

  /** Takes sources by file name; of two templates of one name the last counts. Throws a `TemplateError`. */
  static parse(sources: Readonly<Record<string, string>>): TemplateSet {
    const set = new TemplateSet();
    for (const [file, source] of Object.entries(sources)) {
      for (const [name, template] of parseTemplate(file, source)) {
        set.#templates.set(name, template);
      }
    }
    return set;
  }

  get names(): string[] {
    return [...this.#templates.keys()];
  }

  has(name: string): boolean {
    return this.#templates.has(name);
  }

  /** Makes a template ready for `render`. Throws a `TemplateError` when it is not safe or not complete. */
  prepare(name: string): void {
    if (!this.#prepared.has(name)) this.#prepared.set(name, compileTemplate(name, this.#templates));
  }

  /** Renders a prepared template; never throws. */
  render(name: string, data: PageData): Rendered {
    const template = this.#prepared.get(name);
    if (template === undefined) return { kind: "error", message: `${name}: not prepared` };
    const page = new Page();
    try {
      page.call(template, data);
      return { kind: "page", text: page.output };
    } catch (error) {
      return { kind: "error", message: `${name}: ${messageOf(error)}` };
    }
  }
}
