/** What is reported of the processes themselves, most of it under the names that Prometheus clients agree on. */
import { readdirSync, readFileSync } from "node:fs";
import { openFileLimit } from "../../net/descriptor-ceiling.ts";
import type { Figure } from "./exposition.ts";

/** Of this process and its children together. */
export function processFigures(children: readonly number[] = []): Figure[] {
  const pids = [process.pid, ...children];
  const figures = [
    counter(
      "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds, by all processes of the proxy.",
      cpuSeconds(children),
    ),
    gauge("process_max_fds", "Maximum number of open file descriptors.", openFileLimit()),
    gauge(
      "process_open_fds",
      "Number of open file descriptors, of the process that has most.",
      Math.max(...pids.map(openFds)),
    ),
    gauge(
      "process_resident_memory_bytes",
      "Resident memory size in bytes, of all processes of the proxy; what they share counts once.",
      children.length === 0 ? process.memoryUsage.rss() : sum(pids.map(memoryBytes)),
    ),
    gauge(
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      Math.round(performance.timeOrigin) / 1_000,
    ),
  ];
  // Where there is no /proc, some are unknown.
  return figures.filter(({ value }) => typeof value !== "number" || Number.isFinite(value));
}

export function logFigure(droppedLines: number): Figure {
  return counter(
    "kamal_proxy_log_lines_dropped_total",
    "Log lines dropped because nobody read them in time.",
    droppedLines,
  );
}

/** Zeros where there is no such process. */
export function processUsage(pid: number): { cpu_seconds: number; memory_bytes: number } {
  const [user = 0, system = 0] = pid === 0 ? [] : cpuTicks(pid);
  return {
    cpu_seconds: (user + system) / ticksPerSecond,
    memory_bytes: pid === 0 ? 0 : memoryBytes(pid),
  };
}

function counter(name: string, help: string, value: number): Figure {
  return { name, help, type: "counter", value };
}

function gauge(name: string, help: string, value: number): Figure {
  return { name, help, type: "gauge", value };
}

function openFds(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

const ticksPerSecond = 100;

/** The system adds what a child has used to its parent's account when it is gone: the sum never falls. */
function cpuSeconds(children: readonly number[]): number {
  const { user, system } = process.cpuUsage();
  const ours = (user + system) / 1e6;
  const [, , goneUser = 0, goneSystem = 0] = cpuTicks(process.pid);
  const theirs = children.map((pid) => {
    const [childUser = 0, childSystem = 0] = cpuTicks(pid);
    return childUser + childSystem;
  });
  return ours + (goneUser + goneSystem + sum(theirs)) / ticksPerSecond;
}

/** User, system, and the same of children that are gone (proc(5), /proc/pid/stat fields 14 to 17). */
function cpuTicks(pid: number): number[] {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).map(Number);
}

function memoryBytes(pid: number): number {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/smaps_rollup`));
  return Number(found?.[1] ?? 0) * 1_024;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
