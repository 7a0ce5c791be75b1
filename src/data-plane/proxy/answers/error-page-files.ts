/** Reads a folder of error pages for a deploy. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { maxErrorPageBytes } from "../../../config/defaults.ts";
import { ErrorPages } from "./error-pages.ts";

const extension = ".html";

/** Sources by file name without `.html`. Throws an error with the reason when one can't be used, or there is none. */
export function loadErrorPages(folder: string): Record<string, string> {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(extension))
    .toSorted();
  if (files.length === 0) throw new Error(`no *${extension} files in ${folder}`);
  const sources: Record<string, string> = {};
  for (const file of files) {
    const source = readFileSync(join(folder, file));
    if (source.length > maxErrorPageBytes) {
      throw new Error(`${file}: larger than ${maxErrorPageBytes} bytes`);
    }
    sources[file.slice(0, -extension.length)] = source.toString();
  }
  ErrorPages.compile(sources);
  return sources;
}
