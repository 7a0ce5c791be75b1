/** How many cores this process may use: those of its affinity, or fewer where a control group limits them. */
import { availableParallelism } from "node:os";
import { groupWords, readTextFile, type ReadTextFile } from "./control-group.ts";

const processor = {
  controller: "cpu",
  file: "cpu.max",
  olderFiles: ["cpu.cfs_quota_us", "cpu.cfs_period_us"],
} as const;

/** A part of a core counts as a whole one. */
export function grantedCores(
  read: ReadTextFile = readTextFile,
  cores = availableParallelism(),
): number {
  // Time in each period; "max" and -1 are no limit.
  const limits = [...groupWords(processor, read)]
    .map(([quota, period]) => Number(quota) / Number(period))
    .filter((limit) => limit > 0);
  return Math.max(1, Math.min(cores, ...limits.map(Math.ceil)));
}
