/** A copy of the project that can be built: the same, or as another version of the program. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const projectFolder = join(import.meta.dir, "..", "..");
const parts = ["src", "scripts", "package.json", "bun.lock", "tsconfig.json", "LICENSE"];

/** The folder must not exist yet. */
export function copyCheckout(folder: string, version?: string): void {
  for (const name of parts) {
    cpSync(join(projectFolder, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  if (version === undefined) return;
  const path = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, version }));
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
