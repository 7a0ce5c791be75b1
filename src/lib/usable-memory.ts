/** The memory that this process may use: the machine's, or less where a control group limits it. */
import { totalmem } from "node:os";
import { groupWords, readTextFile, type ReadTextFile } from "./control-group.ts";

const memory = {
  controller: "memory",
  file: "memory.max",
  olderFiles: ["memory.limit_in_bytes"],
} as const;

export function usableMemoryBytes(
  read: ReadTextFile = readTextFile,
  machineBytes = totalmem(),
): number {
  // "max" is no limit.
  const limits = [...groupWords(memory, read)].flat().filter((word) => /^\d+$/.test(word));
  return Math.min(machineBytes, ...limits.map(Number));
}
