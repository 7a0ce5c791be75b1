/** Each rule of the lint configuration that guards the design is shown a file that breaks it. */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempFolder } from "../../support/temp-folder.ts";

const projectFolder = join(import.meta.dir, "..", "..", "..");
const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());
copyFileSync(join(projectFolder, ".oxlintrc.json"), folder.file(".oxlintrc.json"));

function importing(target: string): string {
  return `import { thing } from "${target}";\nexport const other = thing;\n`;
}

/** Lints the files together; returns the paths that were found fault with. */
async function faultyFiles(files: Record<string, string>): Promise<string[]> {
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(folder.file(path)), { recursive: true });
    writeFileSync(folder.file(path), source);
  }
  const lint = Bun.spawn(
    [join(projectFolder, "node_modules/.bin/oxlint"), "-f", "json", ...Object.keys(files)],
    { cwd: folder.path, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const { diagnostics } = (await lint.stdout.json()) as { diagnostics: { filename: string }[] };
  return [...new Set(diagnostics.map(({ filename }) => filename))].toSorted();
}

const impure = [
  "Date.now()",
  "new Date()",
  "Math.random()",
  "crypto.randomUUID()",
  "setTimeout(String)",
  "setInterval(String)",
  "setImmediate(String)",
  "queueMicrotask(String)",
  "performance.now()",
  "process.pid",
  "Bun.version",
  'fetch("")',
  "console.log(1)",
  "globalThis.setTimeout(String)",
];

test.each(["src/protocols/http/", "src/config/", "src/go/", "src/seam/"])(
  "%s is pure",
  async (under) => {
    const files: Record<string, string> = {
      [`${under}pure.ts`]: "export const value = (): number => Math.floor(1);\n",
      [`${under}buffer.ts`]:
        'import { Buffer } from "node:buffer";\nexport const value = Buffer.from("");\n',
    };
    const wrong: string[] = [];
    for (const [i, expression] of impure.entries()) {
      const path = `${under}impure-${i}.ts`;
      files[path] = `export const value = (): unknown => ${expression};\n`;
      wrong.push(path);
    }
    for (const module of ["node:fs", "fs", "bun"]) {
      const path = `${under}module-${module.replace(":", "-")}.ts`;
      files[path] = importing(module);
      wrong.push(path);
    }
    expect(await faultyFiles(files)).toEqual(wrong.toSorted());
  },
);

test("the pure files of other folders are pure", async () => {
  const config = await Bun.file(folder.file(".oxlintrc.json")).text();
  const named = [...config.matchAll(/"(src\/[a-z0-9/-]+\.ts)"/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(10);
  const source = "export const value = (): number => Date.now();\n";
  const files = Object.fromEntries(named.map((path) => [path, source]));
  const sibling = { "src/data-plane/services/target.ts": source };
  expect(await faultyFiles({ ...files, ...sibling })).toEqual(named.toSorted());
});
