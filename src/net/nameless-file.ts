/** A temporary file without a name: nobody else can open it, and nothing is left of it when it is closed. */
import { constants, openSync, unlinkSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";

/** Of Linux; Node has no name for it. */
const temporaryFile = 0o20000000 | constants.O_DIRECTORY;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
const ownerOnly = 0o600;

/** Its descriptor, for reading and writing. Throws when the folder can't hold one. */
export function openNamelessFile(folder: string): number {
  try {
    return openSync(folder, O_RDWR | temporaryFile, ownerOnly);
  } catch {
    // Not every file system can do that: a name that nobody can know before, for a moment.
    const path = join(folder, `proxy-buffer-${randomBytes(16).toString("hex")}`);
    const descriptor = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, ownerOnly);
    unlinkSync(path);
    return descriptor;
  }
}
