/** Follows the HTML that the nodes of a template make up, and refuses actions where no value would be safe. */
import { HtmlSyntaxError, type Place, readHtml, startPlace } from "./html-place.ts";
import { type BranchNode, type Node, TemplateError } from "./nodes.ts";

/** Templates as they stand in one kind of place; calls name such pairs. */
export type PlacedTemplates = Map<string, Node[]>;

/** Puts `name` and all that it calls into `placed`. `files` gives the file that each template is from. */
export function placeTemplate(
  name: string,
  templates: ReadonlyMap<string, Node[]>,
  files: ReadonlyMap<string, string>,
  placed: PlacedTemplates,
): void {
  new Placement(templates, files, placed).template(name, startPlace, name, 1);
}

interface Placed {
  nodes: Node[];
  place: Place;
}

class Placement {
  readonly #templates: ReadonlyMap<string, Node[]>;
  readonly #files: ReadonlyMap<string, string>;
  readonly #placed: PlacedTemplates;
  /** Where each placed template ends; null while it is being looked at. */
  readonly #ends = new Map<string, Place | null>();
  #file = "";

  constructor(
    templates: ReadonlyMap<string, Node[]>,
    files: ReadonlyMap<string, string>,
    placed: PlacedTemplates,
  ) {
    this.#templates = templates;
    this.#files = files;
    this.#placed = placed;
  }

  /** The key of the placed template, and the place behind it. */
  template(name: string, start: Place, file: string, line: number): { key: string; place: Place } {
    const key = start.kind === "text" ? name : `${name} in ${JSON.stringify(start)}`;
    const known = this.#ends.get(key);
    if (known === null) {
      throw new TemplateError(file, line, `template ${JSON.stringify(name)} calls itself`);
    }
    if (known !== undefined) return { key, place: known };
    const nodes = this.#templates.get(name);
    if (nodes === undefined) {
      throw new TemplateError(file, line, `no such template ${JSON.stringify(name)}`);
    }
    this.#ends.set(key, null);
    const outer = this.#file;
    this.#file = this.#files.get(name) ?? name;
    const placed = this.#body(nodes, start);
    this.#file = outer;
    this.#ends.set(key, placed.place);
    this.#placed.set(key, placed.nodes);
    return { key, place: placed.place };
  }

  /** Where no value is put into the page, even HTML that makes no sense is harmless. */
  #body(nodes: Node[], start: Place): Placed {
    try {
      return this.#list(nodes, start);
    } catch (error) {
      const isStatic = nodes.every((node) => node.kind === "text");
      if (isStatic && error instanceof TemplateError) return { nodes, place: start };
      throw error;
    }
  }

  #list(nodes: readonly Node[], start: Place): Placed {
    let place = start;
    const placed = nodes.map((node) => {
      const result = this.#node(node, place);
      place = result.place;
      return result.node;
    });
    return { nodes: placed, place };
  }

  #node(node: Node, place: Place): { node: Node; place: Place } {
    switch (node.kind) {
      case "text":
        return this.#text(node, place);
      case "set":
        return { node, place };
      case "value":
        this.#checkValue(node.line, place);
        // Comments are no part of the page.
        return place.kind === "comment"
          ? { node: { kind: "text", text: "", line: node.line }, place }
          : { node, place };
      case "template": {
        this.#checkAction(node.line, place);
        const called = this.template(node.name, place, this.#file, node.line);
        return { node: { ...node, name: called.key }, place: called.place };
      }
      default:
        this.#checkAction(node.line, place);
        return this.#branch(node, place);
    }
  }

  #text(node: Node & { kind: "text" }, place: Place): { node: Node; place: Place } {
    try {
      const read = readHtml(place, node.text);
      return { node: { ...node, text: read.output }, place: read.place };
    } catch (error) {
      if (!(error instanceof HtmlSyntaxError)) throw error;
      const lines = node.text.slice(0, error.position).split("\n").length - 1;
      throw new TemplateError(this.#file, node.line + lines, error.message);
    }
  }

  #branch(node: BranchNode, start: Place): { node: Node; place: Place } {
    const body = this.#list(node.body, start);
    const otherwise = this.#list(node.otherwise, start);
    if (JSON.stringify(body.place) !== JSON.stringify(otherwise.place)) {
      const places = `${described(body.place)} and ${described(otherwise.place)}`;
      this.#fail(node.line, `branches end in different places of the page: ${places}`);
    }
    // Branches that end in a word could each make another word of what follows.
    this.#checkAction(node.line, body.place);
    return {
      node: { ...node, body: body.nodes, otherwise: otherwise.nodes },
      place: body.place,
    };
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

function described(place: Place): string {
  switch (place.kind) {
    case "value":
      return `an attribute value in ${place.quote}`;
    case "tag":
    case "word":
      return "a tag";
    case "rcdata":
    case "raw":
      return `the text of <${place.element}>`;
    case "text":
    case "comment":
      return place.kind;
  }
}
