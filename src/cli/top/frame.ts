/** One picture of `top`: text for so many columns and rows. Pure. */
import type {
  ServiceDescription,
  ServiceDescriptions,
} from "../../control-plane/socket/protocol.ts";
import type { ProxyStatus } from "../../control-plane/socket/status-protocol.ts";
import type { Latency } from "../../lib/percentile.ts";
import { printableText } from "../../lib/printable-text.ts";
import { eventSection } from "./event-section.ts";
import { cells, cut, fitted, type Paint, type Section, sparkline } from "./text-cells.ts";
import type { Rates, TrafficHistory } from "./traffic-history.ts";
import type { View } from "./view.ts";

export interface Picture {
  status: ProxyStatus;
  services: ServiceDescriptions;
  history: TrafficHistory;
  /** Milliseconds since 1970, when that was. */
  nowMs: number;
  view: View;
  /** Why there is nothing newer; null: there is. */
  fault: string | null;
}

export interface Size {
  columns: number;
  /** Infinity: as many as it takes. */
  rows: number;
}

interface Row {
  name: string;
  service: ServiceDescription | undefined;
  rates: Rates;
  inFlight: number;
}

/** Wide enough for a picture of the last minutes behind each service. */
const wideColumns = 120;
const sparkColumns = 30;

/** Names of the services in the order in which they are shown. */
export function shownServices(picture: Picture): string[] {
  return rowsOf(picture).map(({ name }) => name);
}

export function frame(picture: Picture, size: Size, paint: Paint): string[] {
  const rows = rowsOf(picture);
  const isLive = Number.isFinite(size.rows);
  const head = [heading(picture, rows, size, paint), ""];
  const foot = isLive ? [footing(picture, size, paint)] : [];
  const room = size.rows - head.length - foot.length;
  const body = fitted(sectionsOf(picture, rows, size, paint), room, paint);
  const filler = isLive ? Math.max(0, room - body.length) : 0;
  return [...head, ...body, ...Array.from({ length: filler }, () => ""), ...foot].slice(
    0,
    size.rows,
  );
}

function sectionsOf(picture: Picture, rows: readonly Row[], size: Size, paint: Paint): Section[] {
  return allSections(picture, rows, size, paint).map((section) => {
    return { ...section, head: cut(section.head, size.columns) };
  });
}

function allSections(picture: Picture, rows: readonly Row[], size: Size, paint: Paint): Section[] {
  const { status, view, history } = picture;
  const isLive = Number.isFinite(size.rows);
  const found = rows.findIndex(({ name }) => name === view.selected);
  const focus = isLive && view.drilled === null ? Math.max(0, found) : null;
  const services = {
    head: serviceHead(size),
    lines: rows.map((row, index) => serviceLine(row, index === focus, history, size, paint)),
    focus: focus ?? 0,
  };
  const targets = { head: targetHead(), lines: targetLines(rows, size, paint), focus: 0 };
  if (view.drilled !== null) {
    const bars = sparkline(history.requestsOf(view.drilled), Math.min(120, size.columns - 4));
    return [
      services,
      { head: "  REQUESTS A SECOND, LAST MINUTES", lines: [`  ${bars}`], focus: 0 },
      targets,
      eventSection(picture, view.drilled, size.columns, paint),
    ];
  }
  const processes = status.processes.map((each) => processLine(each, history, size, paint));
  return [
    services,
    targets,
    { head: processHead(), lines: processes, focus: 0 },
    eventSection(picture, null, size.columns, paint),
  ];
}

function rowsOf({ services, status, history, view }: Picture): Row[] {
  const names = new Set([
    ...Object.keys(services),
    ...status.traffic.map(({ service }) => service),
  ]);
  const rows = [...names].map((name): Row => {
    const traffic = status.traffic.find(({ service }) => service === name);
    return {
      name,
      service: services[name],
      rates: history.ratesOf(name),
      inFlight: traffic?.in_flight ?? 0,
    };
  });
  const wanted = rows.filter(({ name, service }) =>
    view.drilled === null
      ? (service !== undefined || name === "") && label(name).includes(view.filter)
      : name === view.drilled,
  );
  return wanted.toSorted((a, b) => weight(b, view) - weight(a, view) || (a.name < b.name ? -1 : 1));
}

function weight({ rates, inFlight }: Row, { sorting }: View): number {
  switch (sorting) {
    case "requests":
      return rates.requests;
    case "p95":
      return typeof rates.p95Ms === "number" ? rates.p95Ms : (rates.p95Ms?.aboveMs ?? -1);
    case "5xx":
      return rates.status5xx;
    case "in flight":
      return inFlight;
    case "bytes":
      return rates.bytes;
    case "name":
      return 0;
  }
}

/** Requests that no service wanted have a line, too. */
function label(name: string): string {
  return name === "" ? "(unrouted)" : printableText(name);
}

function heading(picture: Picture, rows: readonly Row[], { columns }: Size, paint: Paint): string {
  const { status, view, fault } = picture;
  const total = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0);
  const failing = total(({ rates }) => rates.status5xx);
  const parts = [
    `${rate(total(({ rates }) => rates.requests))} req/s`,
    `4xx ${rate(total(({ rates }) => rates.status4xx))}`,
    `5xx ${rate(failing)}`,
    `in flight ${total(({ inFlight }) => inFlight)}`,
    `held ${total(({ service }) => service?.held_requests ?? 0)}`,
  ];
  if (view.paused) parts.unshift("PAUSED");
  if (fault !== null) parts.unshift(printableText(fault));
  const text = cut(`kamal-proxy ${status.version}   ${parts.join("   ")}`, columns);
  return paint(text, fault !== null || failing > 0 ? "alarm" : "strong");
}

function footing({ view }: Picture, { columns }: Size, paint: Paint): string {
  const filter =
    view.filter === "" && !view.typing ? "" : `filter: ${view.filter}${view.typing ? "_" : ""}  `;
  const keys = view.typing
    ? "enter keep  esc clear"
    : view.drilled === null
      ? "q quit  s sort  / filter  j k move  enter open  p pause"
      : "q quit  esc back  p pause";
  return paint(cut(`${filter}${keys}  by ${view.sorting}`, columns), "dim");
}

/** Negative: to the right. */
const rateColumns: readonly (readonly [head: string, width: number])[] = [
  ["REQ/S", -6],
  ["P50", -6],
  ["P95", -6],
  ["P99", -6],
  ["4XX/S", -5],
  ["5XX/S", -5],
  ["FLIGHT", -6],
  ["HELD", -4],
  ["SENT/S", -6],
];
const stateColumns = 8;

function nameColumns({ columns }: Size): number {
  const others = rateColumns.reduce((sum, [, width]) => sum + 1 - width, 0);
  const spark = columns >= wideColumns ? sparkColumns + 2 : 0;
  return Math.max(8, Math.min(40, columns - 2 - others - 1 - stateColumns - spark));
}

function serviceHead(size: Size): string {
  const spark = size.columns >= wideColumns ? "  LAST MINUTES" : "";
  return `  ${cells([["SERVICE", nameColumns(size)], ...rateColumns, ["STATE", stateColumns]])}${spark}`;
}

function serviceLine(
  { name, service, rates, inFlight }: Row,
  isSelected: boolean,
  history: TrafficHistory,
  size: Size,
  paint: Paint,
): string {
  const isDegraded = service !== undefined && service.degraded !== null;
  const state = isDegraded ? "degraded" : (service?.state ?? "");
  const figures = [
    rate(rates.requests),
    latency(rates.p50Ms),
    latency(rates.p95Ms),
    latency(rates.p99Ms),
    rate(rates.status4xx),
    rate(rates.status5xx),
    String(inFlight),
    String(service?.held_requests ?? 0),
    bytes(rates.bytes),
  ];
  const text = cells([
    [label(name), nameColumns(size)],
    ...rateColumns.map(([, width], index): [string, number] => [figures[index]!, width]),
    [state, stateColumns],
  ]);
  const spark =
    size.columns >= wideColumns ? `  ${sparkline(history.requestsOf(name), sparkColumns)}` : "";
  const line = cut(`${isSelected ? "> " : "  "}${text}${spark}`, size.columns);
  if (isSelected) return paint(line, "selected");
  if (isDegraded || rates.status5xx > 0) return paint(line, "alarm");
  return paint(line, state === "paused" || state === "stopped" ? "warn" : "plain");
}

const targetColumns = 28;

function targetHead(): string {
  return `  ${cells([
    ["TARGET", targetColumns],
    ["SERVICE", 14],
    ["GROUP", 8],
    ["FLIGHT", -6],
    ["HEALTH", 10],
  ])}`;
}

function targetLines(rows: readonly Row[], { columns }: Size, paint: Paint): string[] {
  const lines = rows.flatMap(({ name, service }) =>
    (service?.target_details ?? []).map((target) => ({ name, target })),
  );
  // The ill ones are what somebody looks for.
  const sorted = lines.toSorted(
    (a, b) => Number(a.target.state === "healthy") - Number(b.target.state === "healthy"),
  );
  return sorted.flatMap(({ name, target }) => {
    const style = target.state === "healthy" ? "plain" : "alarm";
    const text = cells([
      [printableText(target.target), targetColumns],
      [label(name), 14],
      [target.read_only ? "readers" : target.group, 8],
      [String(target.in_flight), -6],
      [target.state, 10],
    ]);
    const line = paint(cut(`  ${text}`, columns), style);
    if (target.last_error === null) return [line];
    return [line, paint(cut(`    ${printableText(target.last_error)}`, columns), style)];
  });
}

function processHead(): string {
  return `  ${cells([
    ["PROCESS", 12],
    ["PID", -8],
    ["CPU", -6],
    ["MEMORY", -9],
    ["RESTARTS", -9],
    ["STATE", 8],
  ])}`;
}

function processLine(
  { worker, pid, state, restarts, memory_bytes: memory }: ProxyStatus["processes"][number],
  history: TrafficHistory,
  { columns }: Size,
  paint: Paint,
): string {
  const text = cells([
    [worker === null ? "primary" : `worker ${worker}`, 12],
    [String(pid), -8],
    [`${Math.round(history.cpuOf(pid) * 100)}%`, -6],
    [`${Math.round(memory / 2 ** 20)} MB`, -9],
    [String(restarts), -9],
    [state, 8],
  ]);
  return paint(cut(`  ${text}`, columns), state === "serving" ? "plain" : "alarm");
}

function bytes(perSecond: number): string {
  const units = ["B", "K", "M", "G"];
  const unit = units.findIndex((_, index) => perSecond < 1_000 * 1_024 ** index);
  const power = unit < 0 ? units.length - 1 : unit;
  const value = perSecond / 1_024 ** power;
  return `${power === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)}${units[power]}`;
}

function rate(perSecond: number): string {
  return perSecond >= 100 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function latency(value: Latency): string {
  if (value === null) return "-";
  if (typeof value !== "number") return `>${durationText(value.aboveMs)}`;
  return durationText(value);
}

function durationText(ms: number): string {
  if (ms >= 10_000) return `${Math.round(ms / 1_000)}s`;
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)}s`;
  return ms >= 10 ? `${Math.round(ms)}ms` : `${ms.toFixed(1)}ms`;
}
