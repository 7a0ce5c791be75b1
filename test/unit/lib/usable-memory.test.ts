import { describe, expect, test } from "bun:test";
import { usableMemoryBytes } from "../../../src/lib/usable-memory.ts";

const GB = 2 ** 30;

describe("usableMemoryBytes", () => {
  test.each<[string, Record<string, string>, number]>([
    ["the machine's where there are no control groups", {}, 8 * GB],
    [
      "the group's limit",
      {
        "/proc/self/cgroup": "0::/system.slice/proxy.service\n",
        "/sys/fs/cgroup/system.slice/proxy.service/memory.max": `${GB}\n`,
        "/sys/fs/cgroup/system.slice/memory.max": "max\n",
      },
      GB,
    ],
    [
      "the limit of a group above when it is less",
      {
        "/proc/self/cgroup": "0::/a/b\n",
        "/sys/fs/cgroup/a/b/memory.max": `${4 * GB}\n`,
        "/sys/fs/cgroup/a/memory.max": `${2 * GB}\n`,
      },
      2 * GB,
    ],
    [
      "that of a container which sees its group as the root",
      { "/proc/self/cgroup": "0::/docker/abc\n", "/sys/fs/cgroup/memory.max": `${GB}\n` },
      GB,
    ],
    [
      "that of version 1",
      {
        "/proc/self/cgroup": "3:cpu:/x\n2:cpuset,memory:/docker/abc\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GB / 2}\n`,
      },
      GB / 2,
    ],
    [
      "the machine's when the group may have more",
      {
        "/proc/self/cgroup": "1:memory:/\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      },
      8 * GB,
    ],
  ])("is %s", (_, files, expected) => {
    expect(usableMemoryBytes((path) => files[path] ?? null, 8 * GB)).toBe(expected);
  });
});
