import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectImports } from "./import-scan.ts";
import { knownCircles, layers, roots } from "./layers.ts";

const sourceFolder = join(import.meta.dir, "..", "..", "src");

/** The layer that a module is part of: the longest name in the table that fits. */
function layerOf(module: string): string | undefined {
  return Object.keys(layers)
    .filter((layer) => module.startsWith(`${layer}/`))
    .toSorted((a, b) => b.length - a.length)[0];
}

/** Each import that the table does not allow, as `from → to`. */
function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, source] of files) {
    const from = path.replace(/\.ts$/, "");
    if (roots.includes(from)) continue;
    const layer = layerOf(from);
    for (const to of projectImports(path, source)) {
      const isAllowed =
        layer !== undefined &&
        !roots.includes(to) &&
        [layer, ...layers[layer]!].some((name) => to === name || to.startsWith(`${name}/`));
      if (!isAllowed) found.push(`${from} → ${to}`);
    }
  }
  return found;
}

/** Circles of imports, each as the modules that it goes through. */
function circles(files: ReadonlyMap<string, string>): string[][] {
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
  for (const path of files.keys()) visit(path.replace(/\.ts$/, ""), []);
  return found;
}

function projectFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const path of new Bun.Glob("**/*.ts").scanSync({ cwd: sourceFolder })) {
    if (!path.endsWith(".d.ts")) files.set(path, readFileSync(join(sourceFolder, path), "utf8"));
  }
  return files;
}

describe("layers", () => {
  test("every file is part of one, or is a root", () => {
    const homeless = [...projectFiles().keys()]
      .map((path) => path.replace(/\.ts$/, ""))
      .filter((module) => layerOf(module) === undefined && !roots.includes(module));
    expect(homeless).toEqual(["engine-environment"]);
  });

  test("import only what the table allows", () => {
    expect(violations(projectFiles())).toEqual([]);
  });

  test("have no circles but those that are known", () => {
    const found = circles(projectFiles()).map((circle) => `${circle[0]} ↔ ${circle.at(-2)}`);
    expect([...new Set(found)].toSorted()).toEqual(knownCircles.toSorted());
  });
});

describe("the rule of the layers", () => {
  const breaking = (source: string): string[] => violations(new Map([["lib/thing.ts", source]]));

  test.each([
    ['import { a } from "../config/b.ts";', "a value"],
    ['import type { A } from "../config/b.ts";', "a type"],
    ['export { a } from "../config/b.ts";', "a re-export"],
    ['const a = await import("../config/b.ts");', "a dynamic import"],
    ['import "../config/b.ts";', "a bare import"],
    ['import {\n  a,\n  b,\n} from "../config/b.ts";', "an import of several lines"],
  ])("finds %p: %s", (source) => {
    expect(breaking(source)).toEqual(["lib/thing → config/b"]);
  });

  test("lets comments and the own folder alone", () => {
    expect(breaking('// import { a } from "../config/b.ts";\nimport "./c.ts";')).toEqual([]);
  });

  test("finds circles of types and of dynamic imports", () => {
    const files = new Map([
      ["lib/a.ts", 'import type { B } from "./b.ts";'],
      ["lib/b.ts", 'const a = await import("./a.ts");'],
    ]);
    expect(circles(files)).toEqual([["lib/a", "lib/b", "lib/a"]]);
  });
});
