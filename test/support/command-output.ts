/** What a command prints; rejects with what it says of its failure. */
export async function commandOutput(
  command: string[],
  env: Record<string, string | undefined>,
): Promise<string> {
  const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [text, errors, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${errors.trim()}`);
  return text;
}
