/** Standard input as a file of its own, in the place of one that may be in use until it is known which is better. */
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

export interface InputFile {
  readonly path: string;
  /** It stays, or what had its name before comes back. To be called once. */
  settle(stays: boolean): void;
}

/** Writes everything that comes into an executable file at the path. */
export async function saveInput(
  input: AsyncIterable<Uint8Array>,
  path: string,
): Promise<InputFile> {
  // Not over one that is being executed.
  const next = `${path}.next`;
  const previous = `${path}.previous`;
  try {
    await write(input, next);
    chmodSync(next, 0o755);
    if (existsSync(path)) renameSync(path, previous);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  return {
    path,
    settle(stays) {
      if (stays) rmSync(previous, { force: true });
      else if (existsSync(previous)) renameSync(previous, path);
      else rmSync(path, { force: true });
    },
  };
}

async function write(input: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const fd = openSync(path, "w", 0o600);
  try {
    for await (const chunk of input) {
      for (let written = 0; written < chunk.length;) {
        written += writeSync(fd, chunk, written);
      }
    }
  } finally {
    closeSync(fd);
  }
}
