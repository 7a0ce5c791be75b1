/**
 * Puts Bun's executable in place where npm was told not to run install scripts: its package then has a
 * stub that only complains. Runs in Node, before every script of package.json, and costs nothing when
 * Bun is there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The stub is a script of a few lines. */
const stubBytes = 100_000;
const folder = fileURLToPath(new URL("../node_modules/bun", import.meta.url));
const executable = join(folder, "bin", "bun.exe");

if (existsSync(executable) && statSync(executable).size < stubBytes) {
  const { status } = spawnSync(process.execPath, ["install.js"], { cwd: folder, stdio: "inherit" });
  process.exitCode = status ?? 1;
}
