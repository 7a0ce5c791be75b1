/**
 * The environment that Bun and its JavaScript engine get: they read it when the process starts, so `run`
 * starts once more with this one. Nothing that somebody set for other programs on Bun or Node.js (trust
 * in any certificate, a debugger, options of the engine) reaches the proxy.
 */

const GB = 1024 ** 3;

/** The one list of what the engine is told. */
function engineSettings(usableMemoryBytes: number): Readonly<Record<string, string>> {
  return {
    // The heap is small: waking more threads to look through it costs more than they do. Measured at 5 %
    // of the CPU time of a body of 1 MB.
    BUN_JSC_numberOfGCMarkers: "1",
    ...(usableMemoryBytes < GB
      ? // It knows the memory of the machine, not that of its control group, and looks for garbage when there
        // are 32 MB more: with little memory for several processes, it had better look sooner.
        { BUN_JSC_forceRAMSize: String(Math.floor(usableMemoryBytes / 8)) }
      : // What was freed goes back to the system after so many milliseconds instead of 10: under load it is
        // wanted again by then, and giving it back costs a fault for each page. Measured at a quarter of the
        // CPU time of bodies of 40 KB, and at 5 to 10 % over TLS.
        { MIMALLOC_PURGE_DELAY: "200" }),
  };
}

/** Whatever begins like this is read by nobody but Bun, its libraries, and what imitates Node.js. */
const engineVariable = /^(BUN|NODE|JSC|UV|MIMALLOC|WTF)_/;
/** The first argument that makes a worker of this program; nobody but the primary gives it. */
export const workerCommand = "worker";
/** And the one that makes a rehearsal of an upgrade. */
export const rehearsalCommand = "rehearse";
/** Names the descriptor with what the executable before has left. */
export const handoverVariable = "KAMAL_PROXY_HANDOVER";

/** Puts a program in the place of this one; returns or throws only when that can't be done. */
export type Execute = (
  path: string,
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
) => void;

/** To be called before anything is open. Does not return when the process starts once more. */
export function settleEngine(
  environment: NodeJS.ProcessEnv,
  usableMemoryBytes: number,
  execute: Execute,
): void {
  // Starting once more would lose the descriptors that were handed over; the environment is settled then.
  if (environment[handoverVariable] !== undefined) return;
  const settled = settledEnvironment(environment, usableMemoryBytes);
  if (settled === null) return;
  const command = [process.execPath, ...process.execArgv, ...scriptAndArguments()];
  try {
    execute(process.execPath, command, settled);
  } catch {
    // Served all the same: large bodies cost a little more.
  }
}

/** The environment to start with; null when it is this one. */
export function settledEnvironment(
  environment: NodeJS.ProcessEnv,
  usableMemoryBytes: number,
): NodeJS.ProcessEnv | null {
  const settings = engineSettings(usableMemoryBytes);
  const others = Object.entries(environment).filter(([name]) => !engineVariable.test(name));
  const settled: NodeJS.ProcessEnv = { ...Object.fromEntries(others), ...settings };
  const isSame =
    Object.keys(settled).length === Object.keys(environment).length &&
    Object.keys(settings).every((name) => environment[name] === settings[name]);
  return isSame ? null : settled;
}

/**
 * The command that runs this very program with other arguments, also when another file has its name by
 * now. Only for children, which find themselves below that path.
 */
export function ownCommand(...args: string[]): string[] {
  return ["/proc/self/exe", ...ownArguments(...args)];
}

/** What goes before the arguments of a command of this program: nothing, or the script. */
export function ownArguments(...args: string[]): string[] {
  return [...process.execArgv, ...(isCompiled() ? [] : [Bun.main]), ...args];
}

/** A compiled executable has its script inside. */
export function scriptAndArguments(): string[] {
  return process.argv.slice(isCompiled() ? 2 : 1);
}

function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/");
}
