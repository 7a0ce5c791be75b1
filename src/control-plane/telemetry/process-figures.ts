/** What is reported of the process itself, most of it under the names that Prometheus clients agree on. */
import { readdirSync } from "node:fs";
import { openFileLimit } from "../../net/descriptor-ceiling.ts";
import type { Figure } from "./exposition.ts";

export function processFigures(): Figure[] {
  const { user, system } = process.cpuUsage();
  const figures = [
    counter(
      "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds.",
      (user + system) / 1e6,
    ),
    gauge("process_max_fds", "Maximum number of open file descriptors.", openFileLimit()),
    gauge("process_open_fds", "Number of open file descriptors.", openFds()),
    gauge(
      "process_resident_memory_bytes",
      "Resident memory size in bytes.",
      process.memoryUsage.rss(),
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

function counter(name: string, help: string, value: number): Figure {
  return { name, help, type: "counter", value };
}

function gauge(name: string, help: string, value: number): Figure {
  return { name, help, type: "gauge", value };
}

function openFds(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
}
