/** Signals that would end the process by default and have no meaning here, as in any program in Go. */

/** Log rotation and monitoring send the first two to whatever they find. */
export const ignoredSignals = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGXCPU",
] as const satisfies NodeJS.Signals[];

export function ignoreSignals(): void {
  for (const signal of ignoredSignals) process.on(signal, () => {});
}
