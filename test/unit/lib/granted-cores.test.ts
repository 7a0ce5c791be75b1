import { expect, test } from "bun:test";
import { grantedCores } from "../../../src/lib/granted-cores.ts";

function cores(machine: number, files: Record<string, string>): number {
  return grantedCores((path) => files[path] ?? null, machine);
}

const own = { "/proc/self/cgroup": "0::/docker/abc\n" };

test.each([
  ["no control group", 4, {}, 4],
  ["no limit", 4, { ...own, "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 4],
  [
    "a fraction, which counts as a whole one",
    4,
    { ...own, "/sys/fs/cgroup/cpu.max": "150000 100000\n" },
    2,
  ],
  ["less than one", 4, { ...own, "/sys/fs/cgroup/cpu.max": "20000 100000\n" }, 1],
  ["more than there are", 2, { ...own, "/sys/fs/cgroup/cpu.max": "800000 100000\n" }, 2],
  [
    "a limit of a group around the own one",
    8,
    {
      "/proc/self/cgroup": "0::/system.slice/proxy.service\n",
      "/sys/fs/cgroup/system.slice/proxy.service/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
    },
    3,
  ],
  [
    "the older kind of group",
    8,
    {
      "/proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    4,
  ],
  [
    "the older kind without limit",
    8,
    {
      "/proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    8,
  ],
])("granted cores with %s", (_, machine, files, expected) => {
  expect(cores(machine, files as Record<string, string>)).toBe(expected);
});
