/** CPU time and memory of a process with all its children, from /proc (Linux). */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which Linux fixes at 100 for everything it shows in /proc. */
const ticksPerSecond = 100;

export interface TreeUsage {
  cpuMicros: number;
  residentBytes: number;
}

export function treeUsage(rootPid: number): TreeUsage {
  let ticks = 0;
  let residentBytes = 0;
  for (const pid of treeOf(rootPid)) {
    const stat = readStat(pid);
    if (stat === null) continue;
    ticks += stat.ticks;
    residentBytes += residentBytesOf(pid);
  }
  return { cpuMicros: (ticks / ticksPerSecond) * 1e6, residentBytes };
}

function treeOf(rootPid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = readStat(pid);
    if (stat !== null) parents.set(pid, stat.parent);
  }
  const tree = [rootPid];
  for (let i = 0; i < tree.length; i++) {
    for (const [pid, parent] of parents) if (parent === tree[i]) tree.push(pid);
  }
  return tree;
}

interface Stat {
  parent: number;
  /** User and system, with those of children that were waited for. */
  ticks: number;
}

function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold blanks; field 3 (state) is the first after it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const number = (field: number): number => Number(fields[field - 3]);
    return { parent: number(4), ticks: number(14) + number(15) + number(16) + number(17) };
  } catch {
    return null;
  }
}

function residentBytesOf(pid: number): number {
  try {
    // What processes share counts once.
    const status = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
