/**
 * Go's html/template, as far as pages need it: the template language without methods and own
 * functions, and escaping by context in text, attributes and addresses. A value where escaping would
 * need more than that (scripts, styles) is refused when the template is prepared.
 */
import { type EscapedTemplates, escapeTemplate } from "./html-template/autoescape.ts";
import { type Node, RenderError } from "./html-template/nodes.ts";
import { parseTemplate } from "./html-template/parser.ts";
import { renderTemplate } from "./html-template/renderer.ts";
import type { TemplateValue } from "./html-template/values.ts";

export { TemplateError } from "./html-template/nodes.ts";
export type { TemplateValue } from "./html-template/values.ts";

export type Rendered = { kind: "page"; text: string } | { kind: "error"; message: string };

/** Templates that can call each other by name. */
export class TemplateSet {
  readonly #templates = new Map<string, Node[]>();
  /** The file that each template is from. */
  readonly #files = new Map<string, string>();
  readonly #escaped: EscapedTemplates = new Map();

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
    if (!this.#escaped.has(name)) escapeTemplate(name, this.#templates, this.#files, this.#escaped);
  }

  /** Renders a prepared template; never throws. */
  render(name: string, data: TemplateValue): Rendered {
    if (!this.#escaped.has(name)) return { kind: "error", message: `${name}: not prepared` };
    try {
      return { kind: "page", text: renderTemplate(this.#escaped, name, data) };
    } catch (error) {
      if (error instanceof RenderError)
        return { kind: "error", message: `${name}: ${error.message}` };
      return { kind: "error", message: `${name}: ${String(error)}` };
    }
  }
}
