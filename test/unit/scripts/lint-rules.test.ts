/** Each rule of the lint configuration that guards the design is shown a file that breaks it. */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempFolder } from "../../support/temp-folder.ts";

const projectFolder = join(import.meta.dir, "..", "..", "..");
const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());
copyFileSync(join(projectFolder, ".oxlintrc.json"), folder.file(".oxlintrc.json"));

/** What each folder may import beside itself. */
const allowed: Record<string, string[]> = {
  lib: [],
  config: [],
  http: ["lib"],
  upstream: ["http", "config", "lib"],
  services: ["upstream", "http", "config", "lib"],
  proxy: ["services", "upstream", "telemetry", "http", "config", "lib"],
  listeners: ["proxy", "services", "upstream", "http", "config", "lib"],
  certificates: ["http", "config", "lib"],
  telemetry: ["http", "config", "lib"],
  control: ["config", "lib"],
  cli: ["config", "lib"],
};

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

test("imports against the direction of the layers are found, types included", async () => {
  const files: Record<string, string> = {};
  const wrong: string[] = [];
  for (const [from, may] of Object.entries(allowed)) {
    for (const to of [...Object.keys(allowed), "server", "main"]) {
      if (to === from) continue;
      const target = to === "server" || to === "main" ? `../${to}.ts` : `../${to}/thing.ts`;
      const forms = {
        value: importing(target),
        type: `import type { Thing } from "${target}";\nexport type Other = Thing;\n`,
        export: `export { thing } from "${target}";\n`,
      };
      for (const [form, source] of Object.entries(forms)) {
        const path = `src/${from}/${to}-${form}.ts`;
        files[path] = source;
        if (!may.includes(to)) wrong.push(path);
      }
    }
  }
  expect(await faultyFiles(files)).toEqual(wrong.toSorted());
});

test("cli may import the protocol and the client of control, and nothing else of it", async () => {
  expect(
    await faultyFiles({
      "src/cli/with-client.ts": importing("../control/client.ts"),
      "src/cli/with-protocol.ts": importing("../control/protocol.ts"),
      "src/cli/with-server.ts": importing("../control/server.ts"),
      "src/cli/commands/with-client.ts": importing("../../control/client.ts"),
      "src/cli/commands/with-server.ts": importing("../../control/server.ts"),
      "src/cli/commands/with-flags.ts": importing("../flags.ts"),
    }),
  ).toEqual(["src/cli/commands/with-server.ts", "src/cli/with-server.ts"]);
});

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

test.each(["src/http/", "src/config/"])("%s is pure", async (under) => {
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
});

test("the pure files of other folders are pure", async () => {
  const config = await Bun.file(folder.file(".oxlintrc.json")).text();
  const named = [...config.matchAll(/"(src\/[a-z]+\/[a-z-]+\.ts)"/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(10);
  const source = "export const value = (): number => Date.now();\n";
  const files = Object.fromEntries(named.map((path) => [path, source]));
  const sibling = { "src/services/target.ts": source };
  expect(await faultyFiles({ ...files, ...sibling })).toEqual(named.toSorted());
});
