import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder, type TempFolder } from "../../support/temp-folder.ts";
import manifest from "../../../package.json" with { type: "json" };

const projectFolder = join(import.meta.dir, "..", "..", "..");

/** A checkout in which Bun's package has an executable of that size and an install script. */
function checkout(folder: TempFolder, executableBytes: number): string {
  mkdirSync(folder.file("scripts"));
  copyFileSync(
    join(projectFolder, "scripts/install-bun.js"),
    folder.file("scripts/install-bun.js"),
  );
  writeFileSync(folder.file("package.json"), '{ "type": "module" }');
  const bun = folder.file("node_modules/bun");
  mkdirSync(join(bun, "bin"), { recursive: true });
  writeFileSync(join(bun, "bin/bun.exe"), new Uint8Array(executableBytes));
  writeFileSync(join(bun, "package.json"), "{}");
  writeFileSync(
    join(bun, "install.js"),
    'require("node:fs").writeFileSync("installed", process.cwd());',
  );
  return join(bun, "installed");
}

function run(folder: TempFolder): number | null {
  return Bun.spawnSync([process.execPath, "scripts/install-bun.js"], { cwd: folder.path }).exitCode;
}

describe("installing Bun", () => {
  test("is made up for when npm ran no install script", () => {
    using folder = tempFolder();
    const installed = checkout(folder, 450);
    expect(run(folder)).toBe(0);
    expect(readFileSync(installed, "utf8")).toEndWith("node_modules/bun");
  });

  test("is not repeated", () => {
    using folder = tempFolder();
    const installed = checkout(folder, 1_000_000);
    expect(run(folder)).toBe(0);
    expect(existsSync(installed)).toBe(false);
  });

  test("comes before every script of the package", () => {
    for (const command of Object.values(manifest.scripts)) {
      expect(command).toStartWith("node scripts/install-bun.js && bun ");
    }
  });
});
