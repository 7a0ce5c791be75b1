/**
 * The files of the status page as they are sent: read where the program is built, so that they are inside the
 * executable. To be imported as a macro; scripts lose their types here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface PageFile {
  type: string;
  text: string;
}

const folder = join(import.meta.dir, "../../status-page");
/** What the page has in common with others; to it they lie beside its own. */
const shared = ["../lib/printable-text.ts"];
const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** By path; `/` is the page itself. */
export function pageFiles(): Record<string, PageFile> {
  const transpiler = new Bun.Transpiler({ loader: "ts", minifyWhitespace: true });
  const files: Record<string, PageFile> = {};
  for (const path of [...readdirSync(folder), ...shared]) {
    const text = readFileSync(join(folder, path), "utf8");
    const name = basename(path);
    const [base = "", extension = ""] = name.split(".");
    const type = types[extension];
    if (type !== undefined) files[name === "page.html" ? "/" : `/${name}`] = { type, text };
    if (extension !== "ts") continue;
    const script = transpiler
      .transformSync(text)
      .replaceAll(/from\s*"\.[^"]*\/([^"/]+)\.ts"/g, 'from"./$1.js"');
    files[`/${base}.js`] = { type: "text/javascript; charset=utf-8", text: script };
  }
  return files;
}
