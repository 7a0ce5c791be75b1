/** How a rollout does that goes on by itself, as text: a picture for terminals, a line a step for scripts. Pure. */
import type {
  GroupFigures,
  PassedStep,
  RolloutProgress,
} from "../../control-plane/socket/rollout-protocol.ts";
import { cells, cut, type Paint } from "../top/text-cells.ts";

/** Lines no wider than that. */
export function rolloutPicture(
  service: string,
  progress: RolloutProgress,
  columns: number,
  paint: Paint,
): string[] {
  const { steps, step, rollout, active, doubt } = progress;
  const head = `Rollout of ${service}   step ${step + 1} of ${steps.length}   ${stepsText(progress)}   ${waitingText(progress)}`;
  const failing = rollout.failed > 0 ? "warn" : "plain";
  return [
    paint(cut(head, columns), "strong"),
    paint(cut(row("", "REQUESTS", "5XX", "P50", "P95"), columns), "dim"),
    paint(cut(figuresRow("new targets", rollout), columns), failing),
    cut(figuresRow("active targets", active), columns),
    ...(doubt === null ? [] : [paint(cut(`  Watched for longer: ${doubt}`, columns), "warn")]),
  ];
}

/** `5%: 612 requests, 0.16% 5xx, p95 51 ms; active 11,412 requests, 0.02% 5xx, p95 48 ms` */
export function passedLine({ percentage, rollout, active }: PassedStep): string {
  return `${percentage}%: ${figuresText(rollout)}; active ${figuresText(active)}`;
}

/** `1 [5] 25 50 100` */
function stepsText({ steps, step }: RolloutProgress): string {
  const shown = steps.map((percentage, index) =>
    index === step ? `[${percentage}%]` : `${percentage}%`,
  );
  return shown.join(" ");
}

function waitingText({
  remaining_ms: remainingMs,
  rollout,
  min_requests: least,
}: RolloutProgress): string {
  const seconds = Math.ceil(remainingMs / 1_000);
  if (seconds > 0) return `${seconds} s left`;
  return rollout.requests < least ? `waits for requests: ${rollout.requests} of ${least}` : "done";
}

function figuresRow(name: string, figures: GroupFigures): string {
  const { requests, p50_ms: p50, p95_ms: p95 } = figures;
  return row(name, String(requests), failedText(figures), duration(p50), duration(p95));
}

function row(name: string, ...figures: [string, string, string, string]): string {
  const [requests, failed, p50, p95] = figures;
  return `  ${cells([
    [name, 14],
    [requests, -10],
    [failed, -8],
    [p50, -9],
    [p95, -9],
  ])}`;
}

function figuresText(figures: GroupFigures): string {
  const { requests, p95_ms: p95 } = figures;
  const latency = p95 === null ? "" : `, p95 ${duration(p95)}`;
  return `${requests} requests, ${failedText(figures)} 5xx${latency}`;
}

function failedText({ requests, failed }: GroupFigures): string {
  return requests === 0 ? "-" : `${Number(((failed / requests) * 100).toFixed(2))}%`;
}

function duration(ms: number | null): string {
  if (ms === null) return "-";
  return ms < 1_000 ? `${Number(ms.toPrecision(3))} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
