/** A page that is being written, within bounds. */
import type { TemplateValue } from "./values.ts";

const maxOutputLength = 16 * 1024 * 1024;
const maxCalls = 1_000;

/** Writes a part of a page. The first variable is what the template was called with. */
export type Writer = (page: Page, dot: TemplateValue, variables: TemplateValue[]) => void;

export class Page {
  output = "";
  #calls = 0;

  write(text: string): void {
    this.output += text;
    if (this.output.length > maxOutputLength) throw new Error("the page is too long");
  }

  call(template: Writer, data: TemplateValue): void {
    if (++this.#calls > maxCalls) throw new Error("templates call each other too often");
    template(this, data, [data]);
  }
}
