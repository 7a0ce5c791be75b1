/** An error whose text reaches the user unchanged, after `Error: `. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Throws what a check has found. */
export function failOn(fault: string | undefined): void {
  if (fault !== undefined) throw new CommandError(fault);
}
