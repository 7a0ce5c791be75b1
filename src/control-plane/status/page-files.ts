/**
 * The files of the status page as they are sent: read where the program is built, so that they are inside the
 * executable. To be imported as a macro; scripts lose their types here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface PageFile {
  type: string;
  text: string;
}

const folder = join(import.meta.dir, "../../status-page");
const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** By path; `/` is the page itself. */
export function pageFiles(): Record<string, PageFile> {
  const transpiler = new Bun.Transpiler({ loader: "ts", minifyWhitespace: true });
  const files: Record<string, PageFile> = {};
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    const [base = "", extension = ""] = name.split(".");
    const type = types[extension];
    if (type !== undefined) files[name === "page.html" ? "/" : `/${name}`] = { type, text };
    if (extension !== "ts") continue;
    const script = transpiler.transformSync(text).replaceAll(/(from\s*"\.\/[^"]+)\.ts"/g, '$1.js"');
    files[`/${base}.js`] = { type: "text/javascript; charset=utf-8", text: script };
  }
  return files;
}
