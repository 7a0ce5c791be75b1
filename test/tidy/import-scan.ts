/** Every import of a source text: values, types, re-exports and dynamic ones alike. */
import { dirname, join } from "node:path";

const importForms =
  /\b(?:import|export)\b[^;"'`]*?\bfrom\s*"([^"]+)"|\bimport\s*\(\s*"([^"]+)"|\bimport\s*"([^"]+)"/g;

/** The modules that the text names, as they are written. */
export function importsOf(source: string): string[] {
  const withoutComments = source.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...withoutComments.matchAll(importForms)].map(([, from, dynamic, bare]) => {
    return (from ?? dynamic ?? bare)!;
  });
}

/** The modules of the project among them, as paths below `src` without extension. */
export function projectImports(path: string, source: string): string[] {
  return importsOf(source)
    .filter((name) => name.startsWith(".") && name.endsWith(".ts"))
    .map((name) => join(dirname(path), name).replace(/\.ts$/, ""));
}
