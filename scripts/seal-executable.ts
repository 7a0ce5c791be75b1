/**
 * Two variables of the environment make a compiled executable something else before any of its own code
 * runs: BUN_BE_BUN makes it Bun itself, BUN_OPTIONS gives it options such as code to load first. Bun has
 * no switch for that, so their names are made ones that no environment has.
 */
import { readFileSync, writeFileSync } from "node:fs";

export const sealedVariables = ["BUN_BE_BUN", "BUN_OPTIONS"] as const;

/** A name that begins with a control character: shells and service managers can't set it. */
const unsettable = 0x01;

/** Throws when a name is not found: then Bun has changed, and this has to be thought over. */
export function sealExecutable(path: string): void {
  const executable = readFileSync(path);
  for (const name of sealedVariables) {
    let position = executable.indexOf(name);
    if (position < 0) throw new Error(`${path} has no ${name}: look at scripts/seal-executable.ts`);
    for (; position >= 0; position = executable.indexOf(name, position)) {
      executable[position] = unsettable;
    }
  }
  writeFileSync(path, executable);
}
