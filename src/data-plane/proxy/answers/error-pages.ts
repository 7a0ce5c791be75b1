/** The pages that the proxy answers with itself: a service's own, else the built-in ones, else one line. */
import { reasonPhrase } from "../../../protocols/http/status.ts";
import { TemplateSet } from "../../../go/html-template.ts";
import notFound from "./pages/404.txt" with { type: "text" };
import contentTooLarge from "./pages/413.txt" with { type: "text" };
import badGateway from "./pages/502.txt" with { type: "text" };
import serviceUnavailable from "./pages/503.txt" with { type: "text" };
import gatewayTimeout from "./pages/504.txt" with { type: "text" };
import layout from "./pages/layout.txt" with { type: "text" };

export const errorPageType = "text/html; charset=utf-8";

export class ErrorPages {
  static #builtIn: TemplateSet | undefined;
  readonly #own: TemplateSet | null;

  private constructor(own: TemplateSet | null) {
    this.#own = own;
  }

  /**
   * Takes sources by file name without `.html`; null: built-in pages only. Each may call the others
   * as `name.html`. Throws a `TemplateError` that names file and line.
   */
  static compile(sources: Readonly<Record<string, string>> | null): ErrorPages {
    ErrorPages.#builtIn ??= prepared(builtInSources);
    return new ErrorPages(sources === null ? null : prepared(sources));
  }

  /** The page in HTML. `message` is what a stopped service was given to say. */
  render(status: number, message?: string): string {
    const data = message === undefined ? null : { Message: message };
    return (
      page(this.#own, status, data) ??
      page(ErrorPages.#builtIn!, status, data) ??
      `<h1>${status} ${reasonPhrase(status)}</h1>`
    );
  }
}

/** They are no HTML until they are rendered, which is why their files are not named so. */
const builtInSources: Readonly<Record<string, string>> = {
  404: notFound,
  413: contentTooLarge,
  502: badGateway,
  503: serviceUnavailable,
  504: gatewayTimeout,
  layout,
};

/** Only pages of a status are looked up; the other templates are there to be called by them. */
function prepared(sources: Readonly<Record<string, string>>): TemplateSet {
  const files = Object.entries(sources).map(([name, source]) => [`${name}.html`, source]);
  const templates = TemplateSet.parse(Object.fromEntries(files));
  for (const name of templates.names) {
    if (/^\d{3}\.html$/.test(name)) templates.prepare(name);
  }
  return templates;
}

/** Undefined when there is none, or when it can't be rendered. */
function page(
  templates: TemplateSet | null,
  status: number,
  data: { Message: string } | null,
): string | undefined {
  const name = `${status}.html`;
  if (templates === null || !templates.has(name)) return undefined;
  const rendered = templates.render(name, data);
  return rendered.kind === "page" ? rendered.text : undefined;
}
