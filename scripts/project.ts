/** Where things are in this checkout, and how a script runs a tool of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const projectFolder = join(import.meta.dir, "..");
export const binaryPath = join(projectFolder, "dist", "kamal-proxy");
export const bunPath = process.execPath;
export const oxlintPath = join(projectFolder, "node_modules", ".bin", "oxlint");

/** Runs a tool with its output shown; resolves to its exit code. */
export async function runTool(command: string[]): Promise<number> {
  const child = Bun.spawn(command, {
    cwd: projectFolder,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return await child.exited;
}

/** True when the executable is missing or older than what it is made of. */
export async function binaryIsStale(): Promise<boolean> {
  if (!existsSync(binaryPath)) return true;
  const builtMs = Bun.file(binaryPath).lastModified;
  const parts = ["package.json", "bun.lock", "scripts/build.ts"];
  for await (const path of new Bun.Glob("src/**/*").scan({ cwd: projectFolder })) parts.push(path);
  return parts.some((path) => Bun.file(join(projectFolder, path)).lastModified > builtMs);
}
