/** The workers of a proxy, found as the system sees them: as its children. */
import { constants } from "node:os";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Process ids of the children of a process that are not zombies. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => {
      const { parent, state } = statusOf(child);
      return parent === pid && state !== "Z";
    });
}

/** The name of the program, which ends with the last bracket, may contain anything. */
function statusOf(pid: number): { parent: number; state: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return { state: "", parent: 0 };
  }
}

/** Ids of the threads of a process that do not hold the signal back. */
export function threadsThatTake(pid: number, signal: NodeJS.Signals): number[] {
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  return namesIn(`/proc/${pid}/task`)
    .map(Number)
    .filter((thread) => {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
      return (BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(status)![1]}`) & bit) === 0n;
    });
}

/** What each descriptor of a process is. */
export function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      // Closed in the meantime.
      return [];
    }
  });
}

/** None when the process is gone. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, signal);
}
