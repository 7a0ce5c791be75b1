/** The services, each with its figures, and its targets below. */
import type {
  PageService,
  PageState,
  PageTarget,
  PageTick,
} from "../control-plane/status/page-state.ts";
import { badge, byId, element, keepChildren, keepRows, type BadgeOutcome, setText } from "./dom.ts";
import { bytesText, latencyText, numberText } from "./format.ts";
import { counted } from "./verdict.ts";

export function showServices({ services }: PageState, choose: (name: string) => void): void {
  setText(byId("services-count"), services.length === 0 ? "" : String(services.length));
  byId("services-empty").hidden = services.length > 0;
  keepChildren(
    byId("services"),
    // What somebody has to look at comes first.
    services.toSorted((a, b) => weight(a) - weight(b)),
    ({ name }) => name,
    (service) => makeService(service, choose),
    updateService,
  );
}

function weight(service: PageService): number {
  const [outcome] = serviceState(service);
  return outcome === "bad" ? 0 : outcome === "warn" ? 1 : 2;
}

/** The figures of each second. */
export function showFigures({ services }: PageTick): void {
  for (const item of byId("services").children as HTMLCollectionOf<HTMLElement>) {
    const [
      ok = 0,
      redirected = 0,
      refused = 0,
      failed = 0,
      ,
      p95 = null,
      ,
      underWay = 0,
      bytes = 0,
    ] = services[item.dataset["key"] ?? ""] ?? [];
    const all = (ok ?? 0) + (redirected ?? 0) + (refused ?? 0) + (failed ?? 0);
    const set = (name: string, text: string): void => {
      setText(item.querySelector(`[data-figure=${name}]`)!, text);
    };
    set("requests", numberText(all));
    set("p95", latencyText(p95));
    set("failed", numberText(failed ?? 0));
    set("underWay", numberText(underWay ?? 0));
    set("bytes", `${bytesText(bytes ?? 0)}/s`);
    item.toggleAttribute("data-failing", (failed ?? 0) > 0);
  }
}

function makeService({ name }: PageService, choose: (name: string) => void): HTMLElement {
  const figures = [
    ["requests", "req/s"],
    ["p95", "p95"],
    ["failed", "5xx/s"],
    ["underWay", "in flight"],
    ["bytes", "sent"],
  ] as const;
  const button = element("button", { type: "button" }, "Show in the charts");
  button.addEventListener("click", () => choose(name));
  const summary = element(
    "summary",
    {},
    element("span", { class: "state" }),
    element(
      "span",
      { class: "who" },
      element("strong", {}, name),
      element("span", { class: "quiet hosts" }),
    ),
    element(
      "span",
      { class: "figures" },
      ...figures.map(([figure, label]) =>
        element(
          "span",
          { class: "figure" },
          element("b", { "data-figure": figure }, "–"),
          element("small", {}, ` ${label}`),
        ),
      ),
    ),
  );
  const head = ["Target", "Health", "Group", "Last error"].map((text) =>
    element("th", { scope: "col" }, text),
  );
  const table = element(
    "table",
    {},
    element("caption", { class: "unseen" }, `Targets of ${name}`),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody"),
  );
  const scroll = {
    class: "scroll",
    role: "region",
    tabindex: 0,
    "aria-label": `Targets of ${name}`,
  };
  return element(
    "li",
    { class: "service" },
    element(
      "details",
      {},
      summary,
      element("p", { class: "reason" }),
      element("div", scroll, table),
      element("div", { class: "facts" }, element("span", { class: "quiet" }), button),
    ),
  );
}

function updateService(item: HTMLElement, service: PageService): void {
  const [outcome, word] = serviceState(service);
  const state = item.querySelector(".state")!;
  if (state.textContent !== word) state.replaceChildren(badge(outcome, word));
  // What goes wrong shows itself, once; it may be closed again.
  const turnsBad = outcome === "bad" && item.dataset["outcome"] !== "bad";
  if (turnsBad) item.querySelector("details")!.open = true;
  item.dataset["outcome"] = outcome;
  const targets = counted(service.targets.length, "target").replace(" ", "\u00a0");
  setText(item.querySelector(".hosts")!, `${shownHosts(service)} · ${targets}`);
  const reason = item.querySelector<HTMLElement>(".reason")!;
  setText(reason, service.degraded ?? "");
  reason.hidden = service.degraded === null;
  setText(item.querySelector(".facts .quiet")!, factsOf(service));
  keepRows(
    item.querySelector("tbody")!,
    service.targets,
    ({ group, target, read_only }) => `${group} ${target} ${read_only}`,
    targetCells,
  );
}

function serviceState({
  state,
  degraded,
  targets,
  held_requests,
}: PageService): [BadgeOutcome, string] {
  if (degraded !== null) return ["bad", "degraded"];
  if (state === "paused") {
    return ["warn", held_requests > 0 ? `paused, ${held_requests} held` : "paused"];
  }
  if (state === "stopped") return ["warn", "stopped"];
  const ill = targets.filter((target) => target.state === "unhealthy").length;
  if (ill > 0) return ["bad", `${ill} of ${targets.length} down`];
  return ["good", "serving"];
}

function targetCells({
  target,
  group,
  read_only,
  state,
  last_error,
  ejected,
}: PageTarget): (string | Node)[] {
  const outcome: BadgeOutcome =
    state === "healthy" ? (ejected ? "warn" : "good") : state === "unhealthy" ? "bad" : "running";
  const word = state === "adding" ? "being checked" : ejected ? "rests" : state;
  const kind = `${group}${read_only ? ", reads only" : ""}`;
  return [target, badge(outcome, word), kind, last_error ?? "–"];
}

function shownHosts({ hosts, paths }: PageService): string {
  const names = hosts.map((host) => (host === "" ? "any host" : host));
  const shown =
    names.slice(0, 2).join(", ") + (names.length > 2 ? ` and ${names.length - 2} more` : "");
  return paths.some((path) => path !== "/") ? `${shown} ${paths.join(", ")}` : shown;
}

function factsOf({ tls, rollout, protected_by, held_requests }: PageService): string {
  const facts = [tls ? "HTTPS" : "HTTP"];
  if (rollout !== null) facts.push(`rollout ${rollout.percentage} %`);
  if (held_requests > 0) facts.push(`${held_requests} requests held`);
  if (protected_by.length > 0) facts.push(`protected by ${protected_by.join(", ")}`);
  return facts.join(" · ");
}
