/** No module imports itself by way of others, not even for a type or at a later time. */
import { expect, test } from "bun:test";
import { projectImports } from "./import-scan.ts";
import { moduleOf, sourceFiles, type SourceFiles } from "./source-files.ts";

/** Circles of imports, each as the modules that it goes through. */
function circles(files: SourceFiles): string[][] {
  const state = new Map<string, "open" | "done">();
  const found: string[][] = [];
  const visit = (module: string, trail: string[]): void => {
    if (state.get(module) === "done") return;
    if (state.get(module) === "open") {
      found.push([...trail.slice(trail.indexOf(module)), module]);
      return;
    }
    state.set(module, "open");
    const source = files.get(`${module}.ts`);
    if (source !== undefined) {
      for (const to of projectImports(`${module}.ts`, source)) visit(to, [...trail, module]);
    }
    state.set(module, "done");
  };
  for (const path of files.keys()) visit(moduleOf(path), []);
  return found;
}

test("there are no circles of imports", () => {
  expect(circles(sourceFiles())).toEqual([]);
});

test.each(['import type { B } from "./b.ts";', 'const b = await import("./b.ts");'])(
  "a circle is found by %p",
  (source) => {
    const files = new Map([
      ["lib/a.ts", source],
      ["lib/b.ts", 'export { c } from "./c.ts";'],
      ["lib/c.ts", 'import { a } from "./a.ts";'],
    ]);
    expect(circles(files)).toEqual([["lib/a", "lib/b", "lib/c", "lib/a"]]);
  },
);
