/**
 * Some variables of the environment make a compiled executable something else before any of its own code
 * runs: BUN_BE_BUN makes it Bun itself, BUN_OPTIONS gives it options such as code to load first,
 * BUN_INSPECT opens a port for a debugger. Bun has no switch for that, so their names are made ones that
 * no environment has.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** The last one is also the beginning of several more. */
const sealedNames = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT"];

/** A name that begins with a control character: shells and service managers can't set it. */
const unsettable = 0x01;
/** Before a name in the source text of Bun's own modules, which has to stay valid. */
const inSource = Buffer.from("env.");

/** Throws when a name is not found: then Bun has changed, and this has to be thought over. */
export function sealExecutable(path: string): void {
  const executable = readFileSync(path);
  for (const name of sealedNames) {
    let position = executable.indexOf(name);
    if (position < 0) throw new Error(`${path} has no ${name}: look at scripts/seal-executable.ts`);
    for (; position >= 0; position = executable.indexOf(name, position + 1)) {
      const isSource = executable.subarray(position - inSource.length, position).equals(inSource);
      if (!isSource) executable[position] = unsettable;
    }
  }
  writeFileSync(path, executable);
}
