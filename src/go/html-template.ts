/**
 * The part of Go's html/template that error pages use: text, comments, trim markers, `if`, `with`, templates
 * that call each other, variables, a few functions; values in text and in quoted attributes, escaped. All
 * else is refused by name and line when the template is parsed or prepared.
 */
import { type Node, RenderError } from "./html-template/nodes.ts";
import { parseTemplate } from "./html-template/parser.ts";
import { type PlacedTemplates, placeTemplate } from "./html-template/placement.ts";
import { renderTemplate } from "./html-template/renderer.ts";
import type { PageData } from "./html-template/values.ts";

export type Rendered = { kind: "page"; text: string } | { kind: "error"; message: string };

/** Templates that can call each other by name. */
export class TemplateSet {
  readonly #templates = new Map<string, Node[]>();
  /** The file that each template is from. */
  readonly #files = new Map<string, string>();
  readonly #placed: PlacedTemplates = new Map();

  /** Takes sources by file name; of two templates of one name the last counts. Throws a `TemplateError`. */
  static parse(sources: Readonly<Record<string, string>>): TemplateSet {
    const set = new TemplateSet();
    for (const [file, source] of Object.entries(sources)) {
      for (const [name, nodes] of parseTemplate(file, source)) {
        set.#templates.set(name, nodes);
        set.#files.set(name, file);
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
    if (!this.#placed.has(name)) placeTemplate(name, this.#templates, this.#files, this.#placed);
  }

  /** Renders a prepared template; never throws. */
  render(name: string, data: PageData): Rendered {
    if (!this.#placed.has(name)) return { kind: "error", message: `${name}: not prepared` };
    try {
      return { kind: "page", text: renderTemplate(this.#placed, name, data) };
    } catch (error) {
      if (error instanceof RenderError)
        return { kind: "error", message: `${name}: ${error.message}` };
      return { kind: "error", message: `${name}: ${String(error)}` };
    }
  }
}
