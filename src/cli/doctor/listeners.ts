/** Who listens on a port, as Linux tells it (proc(5): /proc/net/tcp, /proc/pid/fd). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Listener } from "./probes.ts";

/** Nobody where there is no /proc. */
export function listenersOf(port: number): Listener[] {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) =>
      listeningInodes(known(() => readFileSync(path, "latin1")) ?? "", port),
    ),
  );
  if (inodes.size === 0) return [];
  const found: Listener[] = [];
  for (const pid of (known(() => readdirSync("/proc")) ?? []).filter((name) =>
    /^\d+$/.test(name),
  )) {
    const own = inodesOf(pid).filter((inode) => inodes.has(inode));
    if (own.length === 0) continue;
    const name = known(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim());
    found.push({ pid: Number(pid), name });
  }
  // What is left belongs to processes that nobody else may look at.
  return found.length > 0 ? found : [{ pid: null, name: null }];
}

/** The fourth field is the state, 0A: LISTEN; the tenth is the inode. */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const isOurs = fields[1]?.endsWith(`:${wanted}`) === true && fields[3] === "0A";
    return isOurs ? [fields[9]!] : [];
  });
}

function inodesOf(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return (known(() => readdirSync(folder)) ?? []).flatMap((fd) => {
    const link = known(() => readlinkSync(`${folder}/${fd}`)) ?? "";
    return /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? [];
  });
}

function known<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
