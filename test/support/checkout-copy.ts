/** A copy of the project that can be built: the same, or as another version of the program. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const projectFolder = join(import.meta.dir, "..", "..");
const parts = ["src", "scripts", "package.json", "bun.lock", "tsconfig.json", "LICENSE"];
const tools = new Set([
  ...Object.keys(manifest.devDependencies),
  ".bin",
  "@oxlint",
  "@types",
  "bun-types",
]);

/** The folder must not exist yet. */
export function copyCheckout(folder: string, version?: string): void {
  for (const name of parts) {
    cpSync(join(projectFolder, name), join(folder, name), { recursive: true });
  }
  copyPackages(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  if (version === undefined) return;
  const path = join(folder, "package.json");
  const copied = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...copied, version }));
}

/**
 * What is compiled is copied: the bundler orders what it finds by where it lies, and of links it takes the
 * place that they lead to. Large tools are linked.
 */
function copyPackages(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (tools.has(name)) symlinkSync(join(from, name), join(to, name));
    else cpSync(realpathSync(join(from, name)), join(to, name), { recursive: true });
  }
}

/** Resolves to the path of an executable of the version. */
export async function buildVersion(folder: string, version: string): Promise<string> {
  copyCheckout(folder, version);
  const path = join(folder, "kamal-proxy");
  const child = Bun.spawn([process.execPath, "scripts/build.ts", `--outfile=${path}`], {
    cwd: folder,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [errors, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`the build of version ${version} failed: ${errors}`);
  return path;
}
