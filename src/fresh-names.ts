/**
 * Names of targets are looked up for each new connection: a container that restarts may come back at
 * another address, and its old one may belong to somebody else by then. Bun keeps addresses for 30 s
 * unless its environment says otherwise when the process starts, so the process starts once more.
 */
const lifetimeVariable = "BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS";

/** To be called before anything is open. Does not return when the process starts once more. */
export function lookNamesUpAfresh(environment: NodeJS.ProcessEnv): void {
  if (environment[lifetimeVariable] !== undefined) return;
  const command = [process.execPath, ...process.execArgv, ...scriptAndArguments()];
  try {
    process.execve?.(process.execPath, command, { ...environment, [lifetimeVariable]: "0" });
  } catch {
    // Served all the same, with addresses that may be 30 s old.
  }
}

/** A compiled executable has its script inside. */
function scriptAndArguments(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return process.argv.slice(isCompiled ? 2 : 1);
}
