/** What is pure takes values and gives values; the linter, which knows scopes, is asked who does not. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempFolder } from "../support/temp-folder.ts";
import { placeOf, roots } from "./layers.ts";
import { impure, pure } from "./purity.ts";
import { moduleOf, projectFolder, sourceFiles } from "./source-files.ts";

const worldly = [
  "Bun",
  "Date",
  "Temporal",
  "WebSocket",
  "Worker",
  "console",
  "crypto",
  "fetch",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
];
const linterConfig = {
  plugins: ["import"],
  categories: { correctness: "off" },
  rules: {
    "import/no-nodejs-modules": ["error", { allow: ["node:buffer"] }],
    "no-restricted-imports": ["error", { patterns: [{ regex: "^bun(:|$)" }] }],
    "no-restricted-properties": ["error", { object: "Math", property: "random" }],
    "no-restricted-globals": ["error", { globals: worldly, checkGlobalObject: true }],
  },
};

const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());
const configPath = folder.file("oxlintrc.json");
writeFileSync(configPath, JSON.stringify(linterConfig));

/** The modules below `under` that touch the world, sorted. */
async function touchingTheWorld(under: string): Promise<string[]> {
  const linter = join(projectFolder, "node_modules/.bin/oxlint");
  const lint = Bun.spawn([linter, "-c", configPath, "-f", "json", "src"], {
    cwd: under,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { diagnostics } = (await lint.stdout.json()) as { diagnostics: { filename: string }[] };
  const found = new Set(diagnostics.map(({ filename }) => moduleOf(filename.replace("src/", ""))));
  return [...found].toSorted();
}

const mayTouchIt = (module: string): boolean => {
  const place = placeOf(module, [...impure, ...pure]);
  return place !== undefined && impure.includes(place);
};

describe("modules", () => {
  test("touch the world only where the table says so", async () => {
    const found = await touchingTheWorld(projectFolder);
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter((module) => !mayTouchIt(module))).toEqual([]);
  });

  test("of the table exist", () => {
    const modules = [...sourceFiles().keys()].map(moduleOf);
    const named = [...impure, ...pure].filter((name) => !roots.includes(name));
    const missing = named.filter((name) => !modules.some((each) => placeOf(each, [name]) === name));
    expect(missing).toEqual([]);
  });
});

describe("the rule of purity", () => {
  test("finds each way to the world, and nothing else", async () => {
    const touching = [
      ...worldly.map((name) => `export const value = (): unknown => ${name};`),
      "export const value = Math.random();",
      "export const value = globalThis.setTimeout;",
      'import { readFileSync } from "node:fs";\nexport const value = readFileSync;',
      'import { readFileSync } from "fs";\nexport const value = readFileSync;',
      'import { dns } from "bun";\nexport const value = dns;',
      'import { dlopen } from "bun:ffi";\nexport const value = dlopen;',
    ];
    const harmless = [
      "export const value = Math.floor(1);",
      "export const value = (process: string): string => process;",
      "export const value = { fetch: 1 }.fetch; // Date.now()",
      'import { Buffer } from "node:buffer";\nexport const value = Buffer.from("Date");',
    ];
    const write = (name: string) => (source: string, index: number) => {
      const path = folder.file(`src/config/${name}-${index}.ts`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${source}\n`);
      return `config/${name}-${index}`;
    };
    const expected = touching.map(write("touching"));
    harmless.forEach(write("harmless"));
    expect(await touchingTheWorld(folder.path)).toEqual(expected.toSorted());
    expect(expected.filter(mayTouchIt)).toEqual([]);
  });

  test("takes the longest name that fits", () => {
    expect(mayTouchIt("control-plane/socket/client")).toBe(true);
    expect(mayTouchIt("control-plane/socket/framing")).toBe(false);
    expect(mayTouchIt("data-plane/services/target")).toBe(false);
    expect(mayTouchIt("lib/clock")).toBe(true);
    expect(mayTouchIt("lib/clocks")).toBe(false);
  });
});
