/** Memory of a process with its children as the kernel shares it out (PSS), from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export function treePssBytes(rootPid: number): number {
  let kilobytes = 0;
  for (const pid of treeOf(rootPid)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return kilobytes * 1024;
}

export function treeOf(rootPid: number): number[] {
  const tree = [rootPid];
  for (const pid of tree) {
    for (const task of tasksOf(pid)) {
      try {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, "latin1");
        tree.push(...children.split(" ").filter(Boolean).map(Number));
      } catch {
        // It has ended.
      }
    }
  }
  return tree;
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
