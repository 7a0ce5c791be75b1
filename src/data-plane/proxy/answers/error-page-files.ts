/** Reads a folder of error pages for a deploy. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { maxErrorPageBytes } from "../../../config/limits.ts";
import { readRegularFile } from "../../../lib/regular-file.ts";
import { ErrorPages } from "./error-pages.ts";

const extension = ".html";

/** Sources by file name without `.html`. Throws an error with the reason when one can't be used, or there is none. */
export async function loadErrorPages(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(extension)).toSorted();
  if (files.length === 0) throw new Error(`no *${extension} files in ${folder}`);
  const sources: Record<string, string> = {};
  for (const file of files) {
    const source = await readRegularFile(join(folder, file), maxErrorPageBytes);
    sources[file.slice(0, -extension.length)] = source.toString();
  }
  ErrorPages.compile(sources);
  return sources;
}
