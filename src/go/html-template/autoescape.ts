/**
 * Walks the nodes of a template along the HTML that they make up, and gives each action the escapers
 * that its place needs. Refuses what can't be escaped safely.
 */
import {
  dropText,
  type Escaper,
  escapeHtml,
  escapeText,
  escapeUnquoted,
  escapeUrl,
  filterUrl,
  normalizeUrl,
} from "./escapers.ts";
import { type HtmlContext, HtmlSyntaxError, readHtml, startContext } from "./html-context.ts";
import { type Node, type Pipeline, TemplateError } from "./nodes.ts";

/** Nodes for one template in one kind of place; calls name such pairs. */
export type EscapedTemplates = Map<string, Node[]>;

/** Escapes `name` and all that it calls into `escaped`. `files` gives the file that each template is from. */
export function escapeTemplate(
  name: string,
  templates: ReadonlyMap<string, Node[]>,
  files: ReadonlyMap<string, string>,
  escaped: EscapedTemplates,
): void {
  new Autoescape(templates, files, escaped).template(name, startContext, name, 1);
}

class Autoescape {
  readonly #templates: ReadonlyMap<string, Node[]>;
  readonly #files: ReadonlyMap<string, string>;
  readonly #escaped: EscapedTemplates;
  /** Where each escaped template ends; null while it is being looked at. */
  readonly #outcomes = new Map<string, HtmlContext | null>();
  #file = "";
  /** Where the loop around may be left early, or began. */
  #loopExits: HtmlContext[] | null = null;

  constructor(
    templates: ReadonlyMap<string, Node[]>,
    files: ReadonlyMap<string, string>,
    escaped: EscapedTemplates,
  ) {
    this.#templates = templates;
    this.#files = files;
    this.#escaped = escaped;
  }

  /** The key of the escaped template, and the context behind it. */
  template(
    name: string,
    context: HtmlContext,
    file: string,
    line: number,
  ): { key: string; context: HtmlContext } {
    const key =
      context === startContext || isSame(context, startContext)
        ? name
        : `${name} in ${JSON.stringify(context)}`;
    const known = this.#outcomes.get(key);
    // A template that calls itself has to end where it began; checked below.
    if (known !== undefined) return { key, context: known ?? context };
    const nodes = this.#templates.get(name);
    if (nodes === undefined)
      throw new TemplateError(file, line, `no such template ${JSON.stringify(name)}`);
    this.#outcomes.set(key, null);
    const outerFile = this.#file;
    const outerExits = this.#loopExits;
    this.#file = this.#files.get(name) ?? name;
    this.#loopExits = null;
    const result = nodes.every((node) => node.kind === "text")
      ? this.#static(nodes, context)
      : this.#list(nodes, context);
    if (containsCall(nodes, name) && !isSame(result.context ?? context, context)) {
      throw new TemplateError(
        this.#file,
        1,
        `can't tell where in the page ${JSON.stringify(name)} ends`,
      );
    }
    this.#file = outerFile;
    this.#loopExits = outerExits;
    const end = result.context ?? context;
    this.#outcomes.set(key, end);
    this.#escaped.set(key, result.nodes);
    return { key, context: end };
  }

  /** Where no value is put into the page, even HTML that makes no sense is harmless. */
  #static(nodes: Node[], context: HtmlContext): Escaped {
    try {
      return this.#list(nodes, context);
    } catch (error) {
      if (error instanceof TemplateError) return { nodes, context };
      throw error;
    }
  }

  #list(nodes: readonly Node[], start: HtmlContext): Escaped {
    const escaped: Node[] = [];
    let context: HtmlContext | null = start;
    for (const node of nodes) {
      const result: { node: Node; context: HtmlContext | null } = this.#node(node, context);
      escaped.push(result.node);
      context = result.context;
      if (context === null) break;
    }
    return { nodes: escaped, context };
  }

  #node(node: Node, context: HtmlContext): { node: Node; context: HtmlContext | null } {
    switch (node.kind) {
      case "text":
        return this.#text(node, context);
      case "action":
        if (node.pipeline.variables.length > 0) return { node, context };
        return this.#action(node, entered(context));
      case "template": {
        const called = this.template(node.name, context, this.#file, node.line);
        return { node: { ...node, name: called.key }, context: called.context };
      }
      case "break":
      case "continue":
        this.#loopExits?.push(context);
        return { node, context: null };
      default:
        return this.#branch(node, context);
    }
  }

  #text(node: Node & { kind: "text" }, context: HtmlContext): { node: Node; context: HtmlContext } {
    try {
      const read = readHtml(context, node.text);
      return { node: { ...node, text: read.output }, context: read.context };
    } catch (error) {
      if (!(error instanceof HtmlSyntaxError)) throw error;
      const lines = node.text.slice(0, error.position).split("\n").length - 1;
      throw new TemplateError(this.#file, node.line + lines, error.message);
    }
  }

  #action(
    node: Node & { kind: "action" },
    context: HtmlContext,
  ): { node: Node; context: HtmlContext } {
    this.#checkOwnEscapers(node.pipeline, context);
    const escapers = this.#escapers(node.pipeline, context);
    const isHtml = functionName(node.pipeline.commands.at(-1)?.operands[0]) === "html";
    if (!isHtml || escapers.at(-1) !== escapeText) return { node: { ...node, escapers }, context };
    // Escaping twice would show; the template's own wish takes the place of the last escaper.
    const pipeline = withoutLastCall(node.pipeline);
    return {
      node: { ...node, pipeline, escapers: [...escapers.slice(0, -1), escapeHtml] },
      context,
    };
  }

  /** `html` and `urlquery` may only come last, where they can't undo what is added. */
  #checkOwnEscapers(pipeline: Pipeline, context: HtmlContext): void {
    for (const [index, { operands }] of pipeline.commands.entries()) {
      const name = functionName(operands[0]);
      if (name !== "html" && name !== "urlquery") continue;
      const isLast = index === pipeline.commands.length - 1;
      if (!isLast || (name === "html" && context.delimiter === " ")) {
        this.#fail(pipeline, `function "${name}" can't be used here: values are escaped anyway`);
      }
    }
  }

  #escapers(pipeline: Pipeline, context: HtmlContext): Escaper[] {
    const last = functionName(pipeline.commands.at(-1)?.operands[0]);
    switch (context.state) {
      case "text":
      case "rcdata":
        return [escapeText];
      case "comment":
        return [dropText];
      case "value":
        break;
      case "raw":
        return this.#fail(pipeline, `a value inside <${context.element}> is not supported`);
      default:
        return this.#fail(pipeline, "a value as the name of an attribute is not supported");
    }
    const escapers = this.#valueEscapers(pipeline, context, last);
    return [...escapers, context.delimiter === " " ? escapeUnquoted : escapeText];
  }

  #valueEscapers(pipeline: Pipeline, context: HtmlContext, last: string): Escaper[] {
    switch (context.attribute) {
      case "plain":
      case "meta":
        return [];
      case "metaUrl":
        return [filterUrl];
      case "unsupported":
        return this.#fail(
          pipeline,
          "a value in a style, srcset, srcdoc or event attribute is not supported",
        );
    }
    switch (context.urlPart) {
      case "start":
        return [filterUrl, normalizeUrl];
      case "path":
        return [normalizeUrl];
      case "query":
        return last === "urlquery" ? [] : [escapeUrl];
      case "unknown":
        return this.#fail(pipeline, "can't tell which part of an address this value is");
    }
  }

  #branch(
    node: Node & { kind: "if" | "with" | "range" },
    context: HtmlContext,
  ): { node: Node; context: HtmlContext | null } {
    const outerExits = this.#loopExits;
    if (node.kind === "range") this.#loopExits = [];
    const body = this.#list(node.body, context);
    let end = body.context;
    if (node.kind === "range") {
      for (const exit of this.#loopExits ?? []) end = this.#joined(node.pipeline, end, exit);
      this.#loopExits = outerExits;
      // A second turn has to find what the first one found.
      if (end !== null) end = this.#joined(node.pipeline, end, context);
    }
    const otherwise = node.otherwise === null ? null : this.#list(node.otherwise, context);
    return {
      node: { ...node, body: body.nodes, otherwise: otherwise?.nodes ?? null },
      context: this.#joined(node.pipeline, end, otherwise === null ? context : otherwise.context),
    };
  }

  /** The context behind two branches; null is one that does not come to its end. */
  #joined(pipeline: Pipeline, a: HtmlContext | null, b: HtmlContext | null): HtmlContext | null {
    if (a === null) return b;
    if (b === null || isSame(a, b)) return a;
    if (isSame({ ...a, urlPart: b.urlPart }, b)) return { ...a, urlPart: "unknown" };
    const [enteredA, enteredB] = [entered(a), entered(b)];
    if (!isSame(enteredA, a) || !isSame(enteredB, b))
      return this.#joined(pipeline, enteredA, enteredB);
    return this.#fail(
      pipeline,
      `branches end in different places of the page: ${place(a)} and ${place(b)}`,
    );
  }

  #fail(pipeline: Pipeline, reason: string): never {
    throw new TemplateError(this.#file, pipeline.line, reason);
  }
}

interface Escaped {
  nodes: Node[];
  /** Null when its end is never reached. */
  context: HtmlContext | null;
}

/** The context once a value has begun where one can begin. */
function entered(context: HtmlContext): HtmlContext {
  switch (context.state) {
    case "tag":
      return { ...context, state: "attributeName" };
    case "afterName":
      return { ...context, state: "attributeName", attribute: "plain" };
    case "beforeValue":
      return { ...context, state: "value", delimiter: " " };
    default:
      return context;
  }
}

function isSame(a: HtmlContext, b: HtmlContext): boolean {
  return (
    a.state === b.state &&
    a.element === b.element &&
    a.attribute === b.attribute &&
    a.delimiter === b.delimiter &&
    a.urlPart === b.urlPart
  );
}

function functionName(
  operand: Pipeline["commands"][number]["operands"][number] | undefined,
): string {
  return operand?.kind === "function" ? operand.name : "";
}

/** The pipeline without the function at its end, but with all that the function was given. */
function withoutLastCall(pipeline: Pipeline): Pipeline {
  const commands = pipeline.commands.slice(0, -1);
  const operands = pipeline.commands.at(-1)!.operands.slice(1);
  if (operands.length === 1 && commands.length === 0)
    return { ...pipeline, commands: [{ operands }] };
  if (operands.length === 0 && commands.length > 0) return { ...pipeline, commands };
  commands.push({ operands: [{ kind: "function", name: "print" }, ...operands] });
  return { ...pipeline, commands };
}

function containsCall(nodes: readonly Node[], name: string): boolean {
  return nodes.some((node) => {
    if (node.kind === "template") return node.name === name;
    if (node.kind !== "if" && node.kind !== "with" && node.kind !== "range") return false;
    return (
      containsCall(node.body, name) ||
      (node.otherwise !== null && containsCall(node.otherwise, name))
    );
  });
}

function place({ state, element, delimiter }: HtmlContext): string {
  if (state === "value")
    return delimiter === " " ? "an attribute value" : `an attribute value in ${delimiter}`;
  return element === "" ? state : `${state} of <${element}>`;
}
