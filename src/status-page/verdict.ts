/** What is wrong now, in one place at the top; or that nothing is. */
import type { ProcessStatus } from "../control-plane/socket/status-protocol.ts";
import type { PageState } from "../control-plane/status/page-state.ts";
import { badge, byId, element, type BadgeOutcome, setText } from "./dom.ts";
import { untilText } from "./format.ts";

export interface Problem {
  outcome: "bad" | "warn";
  text: string;
}

const dayMs = 86_400_000;
/** Certificates of 90 days are renewed 30 days ahead. */
const soonDays = 14;

export function problemsOf(
  { services, certificates }: PageState,
  processes: readonly ProcessStatus[],
  nowMs: number,
): Problem[] {
  const problems: Problem[] = [];
  for (const { name, degraded, targets, state } of services) {
    const ill = targets.filter((target) => target.state === "unhealthy");
    if (degraded !== null) problems.push({ outcome: "bad", text: `${name}: ${degraded}` });
    else {
      for (const { target, last_error } of ill) {
        const reason = last_error === null ? "" : `: it ${last_error}`;
        problems.push({ outcome: "bad", text: `${name}: ${target} is unhealthy${reason}` });
      }
    }
    for (const { target } of targets.filter(({ ejected }) => ejected)) {
      problems.push({ outcome: "warn", text: `${name}: ${target} failed requests and rests` });
    }
    if (state !== "running") problems.push({ outcome: "warn", text: `${name} is ${state}` });
  }
  for (const { name, expires, error } of certificates) {
    const leftMs = expires === null ? null : Date.parse(expires) - nowMs;
    if (leftMs !== null && leftMs < 0) {
      problems.push({ outcome: "bad", text: `The certificate of ${name} has expired` });
    } else if (error !== null) {
      const outcome = leftMs === null ? "bad" : "warn";
      problems.push({ outcome, text: `Certificate of ${name}: ${error}` });
    } else if (leftMs !== null && leftMs < soonDays * dayMs) {
      const text = `The certificate of ${name} ends ${untilText(leftMs)}`;
      problems.push({ outcome: "warn", text });
    }
  }
  for (const { worker, state } of processes) {
    if (worker === null || state === "serving") continue;
    problems.push({ outcome: "warn", text: `Worker ${worker} is ${state}` });
  }
  return problems.toSorted((a, b) => Number(b.outcome === "bad") - Number(a.outcome === "bad"));
}

export function showVerdict(problems: readonly Problem[], { services }: PageState): void {
  const targets = services.flatMap((service) => service.targets);
  const bad = problems.filter(({ outcome }) => outcome === "bad").length;
  const outcome: BadgeOutcome = problems.length === 0 ? "good" : bad > 0 ? "bad" : "warn";
  byId("verdict").dataset["outcome"] = outcome;
  const title =
    services.length === 0
      ? "Nothing is deployed yet"
      : problems.length === 0
        ? "All is well"
        : problems.length === 1
          ? "One thing needs attention"
          : `${problems.length} things need attention`;
  setText(byId("verdict-title"), title);
  const counts = `${counted(services.length, "service")}, ${counted(targets.length, "target")}`;
  const allHealthy = targets.every(({ state }) => state === "healthy");
  const health = targets.length > 0 && allHealthy ? ", all healthy" : "";
  setText(byId("verdict-detail"), services.length === 0 ? "" : `${counts}${health}`);
  const list = byId("problems");
  const told = problems.map(({ text }) => text).join("\n");
  if (list.dataset["told"] !== told) {
    list.dataset["told"] = told;
    list.replaceChildren(
      ...problems.map((problem) =>
        element(
          "li",
          {},
          badge(problem.outcome, problem.outcome === "bad" ? "fault" : "note"),
          " ",
          problem.text,
        ),
      ),
    );
  }
  document.title = problems.length === 0 ? "kamal-proxy" : `(${problems.length}) kamal-proxy`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
