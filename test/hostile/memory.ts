/**
 * Memory of a process with its children as the kernel shares it out (PSS), from /proc. Without the pages of files:
 * another proxy of the same executable that ends would make them this one's, tens of megabytes at once.
 */
import { readdirSync, readFileSync } from "node:fs";

export function treePssBytes(rootPid: number): number {
  let kilobytes = 0;
  for (const pid of treeOf(rootPid)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      for (const [, part] of text.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm))
        kilobytes += Number(part);
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
