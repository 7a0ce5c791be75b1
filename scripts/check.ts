/** `bun run check`: types, format and lint, all of them, and one exit code. `--fix` formats, repairs and generates first. */
import { bunPath, oxlintPath, runTool } from "./project.ts";

export interface Gate {
  name: string;
  command: string[];
}

const folders = ["src", "test", "scripts"];

export const gates: Gate[] = [
  // `bun check` alone would run the package script `check`, which is this file.
  { name: "types", command: [bunPath, "check", "--no-script"] },
  // What runs in a browser knows a document, and the proxy does not.
  {
    name: "types of the page",
    command: [bunPath, "check", "--no-script", "-p", "src/status-page"],
  },
  { name: "format", command: [bunPath, "fmt", "--no-script", "--check", ...folders] },
  { name: "lint", command: [oxlintPath, "--deny-warnings", ...folders] },
];

const repairs: string[][] = [
  [bunPath, "fmt", "--no-script", ...folders],
  [oxlintPath, "--fix", ...folders],
  [bunPath, "scripts/settings-schema.ts"],
];

/** Runs every gate; returns the names of those that failed. */
export async function runGates(): Promise<string[]> {
  const failed: string[] = [];
  for (const gate of gates) {
    console.log(`→ ${gate.name}`);
    if ((await runTool(gate.command)) !== 0) failed.push(gate.name);
  }
  return failed;
}

if (import.meta.main) {
  if (process.argv.includes("--fix")) for (const repair of repairs) await runTool(repair);
  const failed = await runGates();
  console.log(failed.length === 0 ? "All gates passed." : `Failed: ${failed.join(", ")}.`);
  process.exit(failed.length === 0 ? 0 : 1);
}
