import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectImports } from "./import-scan.ts";
import { layers, placeOf, roots } from "./layers.ts";
import { moduleOf, projectFolder, sourceFiles, type SourceFiles } from "./source-files.ts";

const layerOf = (module: string): string | undefined => placeOf(module, Object.keys(layers));

/** Each import that the table does not allow, as `from → to`. */
function violations(files: SourceFiles): string[] {
  const found: string[] = [];
  for (const [path, source] of files) {
    const from = moduleOf(path);
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

describe("layers", () => {
  test("every file is part of one, or is a root", () => {
    const homeless = [...sourceFiles().keys()]
      .map(moduleOf)
      .filter((module) => layerOf(module) === undefined && !roots.includes(module));
    expect(homeless).toEqual(["engine-environment"]);
  });

  test("import only what the table allows", () => {
    expect(violations(sourceFiles())).toEqual([]);
  });
});

test("scripts import nothing of the tests", () => {
  const found: string[] = [];
  for (const path of new Bun.Glob("scripts/**/*.ts").scanSync({ cwd: projectFolder })) {
    const imports = projectImports(path, readFileSync(join(projectFolder, path), "utf8"));
    found.push(...imports.filter((to) => to.startsWith("test/")).map((to) => `${path} → ${to}`));
  }
  expect(found).toEqual([]);
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

  test("knows the way from scripts to tests", () => {
    const source = 'import { a } from "../../test/support/a.ts";';
    expect(projectImports("scripts/image/b.ts", source)).toEqual(["test/support/a"]);
  });

  test("lets comments and the own folder alone", () => {
    expect(breaking('// import { a } from "../config/b.ts";\nimport "./c.ts";')).toEqual([]);
  });
});
