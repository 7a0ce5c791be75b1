/** The last things that happened, the newest first. Pure. */
import type { ProxyEvent, ProxyStatus } from "../../control-plane/socket/status-protocol.ts";
import { printableText } from "../../lib/printable-text.ts";
import { cells, cut, type Paint, type Section, type Style } from "./text-cells.ts";

/** Of one service, or of all. */
export function eventSection(
  { status, nowMs }: { status: ProxyStatus; nowMs: number },
  service: string | null,
  columns: number,
  paint: Paint,
): Section {
  const events = status.events.filter((event) => service === null || event.service === service);
  return {
    head: `  ${cells([
      ["WHEN", -5],
      ["", 1],
      ["KIND", 11],
      ["SERVICE", 14],
      ["WHAT HAPPENED", 13],
    ])}`,
    lines: events.toReversed().map((event) => eventLine(event, nowMs, columns, paint)),
    focus: 0,
  };
}

/** The sign tells the same as the colour does. */
const looks: Readonly<Record<ProxyEvent["outcome"], readonly [sign: string, style: Style]>> = {
  good: ["+", "plain"],
  info: [" ", "plain"],
  running: ["~", "warn"],
  bad: ["!", "alarm"],
};

function eventLine(
  { at_ms, kind, service, outcome, text, took_ms }: ProxyEvent,
  nowMs: number,
  columns: number,
  paint: Paint,
): string {
  const [sign, style] = looks[outcome];
  const took = took_ms === null || took_ms < 100 ? "" : ` (${age(took_ms)})`;
  const row = cells([
    [age(nowMs - at_ms), -5],
    [sign, 1],
    [kind, 11],
    [printableText(service), 14],
  ]);
  return paint(cut(`  ${row} ${printableText(text)}${took}`, columns), style);
}

/** `12s`, `3m`, `5h`, `2d`. */
function age(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
