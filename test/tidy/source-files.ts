/** The text of every module, by its path below `src` with extension. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const projectFolder = join(import.meta.dir, "..", "..");
export type SourceFiles = ReadonlyMap<string, string>;

export function sourceFiles(): SourceFiles {
  const files = new Map<string, string>();
  for (const path of new Bun.Glob("src/**/*.ts").scanSync({ cwd: projectFolder })) {
    if (path.endsWith(".d.ts")) continue;
    files.set(path.replace("src/", ""), readFileSync(join(projectFolder, path), "utf8"));
  }
  return files;
}

export function moduleOf(path: string): string {
  return path.replace(/\.ts$/, "");
}
