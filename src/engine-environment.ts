/**
 * What Bun and its JavaScript engine only read from the environment when the process starts, so that the
 * process starts once more with it. Whoever runs it may set other values.
 */
const settings: Record<string, string> = {
  // The heap is small: waking more threads to look through it costs more than they do. Measured at 5 %
  // of the CPU time of a body of 1 MB.
  BUN_JSC_numberOfGCMarkers: "1",
};

/** To be called before anything is open. Does not return when the process starts once more. */
export function settleEngine(environment: NodeJS.ProcessEnv): void {
  if (Object.keys(settings).every((name) => environment[name] !== undefined)) return;
  const command = [process.execPath, ...process.execArgv, ...scriptAndArguments()];
  try {
    process.execve?.(process.execPath, command, { ...settings, ...environment });
  } catch {
    // Served all the same: large bodies cost a little more.
  }
}

/** A compiled executable has its script inside. */
function scriptAndArguments(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return process.argv.slice(isCompiled ? 2 : 1);
}
