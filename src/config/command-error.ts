/** An error whose text reaches the user unchanged, after `Error: `. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
