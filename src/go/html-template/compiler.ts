/**
 * From nodes to what writes a page. Follows the HTML that they make up, and refuses actions where no value would be
 * safe.
 */
import { describedPlace, type Place, readHtml, startPlace } from "./html-place.ts";
import { type BranchNode, type Node, type ParsedTemplate, TemplateError } from "./nodes.ts";
import type { Writer } from "./page.ts";
import { outputOf } from "./values.ts";

/** What a part becomes, and where in the page it ends. */
interface Compiled {
  write: Writer;
  place: Place;
}

/** Throws a `TemplateError` when a template is not safe or not complete. */
export function compileTemplate(
  name: string,
  templates: ReadonlyMap<string, ParsedTemplate>,
): Writer {
  return new Compiler(templates).template(name, startPlace, name, 1).write;
}

class Compiler {
  readonly #templates: ReadonlyMap<string, ParsedTemplate>;
  /** By name and the place that they are called in; null while one is being looked at. */
  readonly #compiled = new Map<string, Compiled | null>();
  #file = "";

  constructor(templates: ReadonlyMap<string, ParsedTemplate>) {
    this.#templates = templates;
  }

  template(name: string, start: Place, file: string, line: number): Compiled {
    const key = JSON.stringify([name, start]);
    const known = this.#compiled.get(key);
    const template = this.#templates.get(name);
    if (known === null || template === undefined) {
      const quoted = JSON.stringify(name);
      const reason =
        known === null ? `template ${quoted} calls itself` : `no such template ${quoted}`;
      throw new TemplateError(file, line, reason);
    }
    if (known !== undefined) return known;
    this.#compiled.set(key, null);
    const outer = this.#file;
    this.#file = template.file;
    const compiled = this.#body(template.nodes, start);
    this.#file = outer;
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /** Where no value is put into the page, even HTML that makes no sense is harmless. */
  #body(nodes: readonly Node[], start: Place): Compiled {
    try {
      return this.#list(nodes, start);
    } catch (error) {
      const texts = nodes.map((node) => (node.kind === "text" ? node.text : null));
      if (texts.includes(null) || !(error instanceof TemplateError)) throw error;
      return { write: (page) => page.write(texts.join("")), place: start };
    }
  }

  #list(nodes: readonly Node[], start: Place): Compiled {
    let place = start;
    const writers = nodes.map((node) => {
      const compiled = this.#node(node, place);
      place = compiled.place;
      return compiled.write;
    });
    return {
      write(page, dot, variables) {
        for (const write of writers) write(page, dot, variables);
      },
      place,
    };
  }

  #node(node: Node, place: Place): Compiled {
    switch (node.kind) {
      case "text": {
        const { text, line } = node;
        const { output, place: end } = readHtml(place, text, (reason, position) => {
          this.#fail(line + text.slice(0, position).split("\n").length - 1, reason);
        });
        return { write: (page) => page.write(output), place: end };
      }
      case "set": {
        const { variable, value } = node;
        const write: Writer = (_, dot, variables) => (variables[variable] = value(dot, variables));
        return { write, place };
      }
      case "value": {
        this.#checkValue(node.line, place);
        const { value, escape } = node;
        // Comments are no part of the page.
        if (place.kind === "comment") return { write: () => {}, place };
        const write: Writer = (page, dot, variables) =>
          page.write(escape(outputOf(value(dot, variables)) ?? ""));
        return { write, place };
      }
      case "template": {
        this.#checkAction(node.line, place);
        const called = this.template(node.name, place, this.#file, node.line);
        const { value } = node;
        const write: Writer = (page, dot, variables) =>
          page.call(called.write, value?.(dot, variables));
        return { write, place: called.place };
      }
      default:
        return this.#branch(node, place);
    }
  }

  #branch({ kind, variable, value, line, ...node }: BranchNode, start: Place): Compiled {
    this.#checkAction(line, start);
    const body = this.#list(node.body, start);
    const otherwise = this.#list(node.otherwise, start);
    if (JSON.stringify(body.place) !== JSON.stringify(otherwise.place)) {
      const places = `${describedPlace(body.place)} and ${describedPlace(otherwise.place)}`;
      this.#fail(line, `branches end in different places of the page: ${places}`);
    }
    // Branches that end in a word could each make another word of what follows.
    this.#checkAction(line, body.place);
    const write: Writer = (page, dot, variables) => {
      const found = value(dot, variables);
      if (variable !== null) variables[variable] = found;
      if (found) body.write(page, kind === "with" ? found : dot, variables);
      else otherwise.write(page, dot, variables);
    };
    return { write, place: body.place };
  }

  #checkAction(line: number, place: Place): void {
    if (place.kind === "raw") {
      this.#fail(line, `an action inside <${place.element}> is not supported`);
    }
    if (place.kind === "word") {
      this.#fail(line, "an action in a name, or in a value without quotes, is not supported");
    }
  }

  #checkValue(line: number, place: Place): void {
    this.#checkAction(line, place);
    if (place.kind === "tag") {
      this.#fail(line, "a value as the name of an attribute is not supported");
    }
    if (place.kind === "value" && place.attribute !== "") {
      const name = JSON.stringify(place.attribute);
      this.#fail(line, `a value in the attribute ${name} is not supported`);
    }
  }

  #fail(line: number, reason: string): never {
    throw new TemplateError(this.#file, line, reason);
  }
}
