/** What the machine gives the proxy, for `doctor`. */
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
} from "node:fs";
import { messageOf } from "../lib/error-text.ts";
import { openFileLimit } from "../net/descriptor-ceiling.ts";
import type { MachineFacts } from "./socket/status-protocol.ts";

export function machineFacts(dataPath: string): MachineFacts {
  const limit = openFileLimit();
  return {
    in_container: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    data_path_error: known(() => writeFault(dataPath)),
    data_is_mounted: known(() => statSync(dataPath).dev !== statSync("/").dev) ?? false,
    disk_free_bytes: known(() => {
      const { bavail, bsize } = statfsSync(dataPath);
      return bavail * bsize;
    }),
    open_files: known(() => readdirSync("/proc/self/fd").length),
    max_open_files: Number.isFinite(limit) ? limit : null,
    docker_dns:
      known(() => /^nameserver 127\.0\.0\.11$/m.test(readFileSync("/etc/resolv.conf", "utf8"))) ??
      false,
    accept_queue: known(() => Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1"))),
  };
}

function writeFault(folder: string): string | null {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function known<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
