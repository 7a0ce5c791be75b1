/** A folder of its own for one test, removed with all it holds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder extends Disposable {
  readonly path: string;
  /** Path of a file in the folder. */
  file(name: string): string;
}

/** The name stays short: a unix socket's path may have about a hundred characters. */
export function tempFolder(): TempFolder {
  const path = mkdtempSync(join(tmpdir(), "kp-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
