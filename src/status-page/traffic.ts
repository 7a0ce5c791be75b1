/** The four charts, and what is chosen above them: whose traffic, how much time, which moment. */
import type { ProxyEvent } from "../control-plane/socket/status-protocol.ts";
import type { PageTick } from "../control-plane/status/page-state.ts";
import { Chart, type ChartPlan } from "./chart.ts";
import { byId, element, setText } from "./dom.ts";
import { latencyText, numberText, percentText, timeText } from "./format.ts";
import { History, type SentHistory, type Values } from "./history.ts";
import { bins } from "./scales.ts";

/** As the proxy orders its figures. */
const ok = 0;
const redirected = 1;
const refused = 2;
const failed = 3;
const p50 = 4;
const p95 = 5;
const p99 = 6;
const underWay = 7;
const figureCount = 9;
/** Of a service that is left out because nothing is asked of it. */
const noTraffic: Values = [0, 0, 0, 0, null, null, null, 0, 0];

const countText = (value: number | null): string => (value === null ? "–" : numberText(value));

const plans: readonly ChartPlan[] = [
  {
    id: "requests",
    title: "Requests",
    lines: [
      { name: "5xx", figure: failed, look: "c-5xx" },
      { name: "4xx", figure: refused, look: "c-4xx" },
      { name: "3xx", figure: redirected, look: "c-3xx" },
      { name: "2xx", figure: ok, look: "c-2xx" },
    ],
    isStacked: true,
    kind: "mean",
    least: 1,
    text: countText,
    headline: (values) => countText(total(values)),
    headlineName: "/s",
  },
  {
    id: "latency",
    title: "Latency",
    lines: [
      { name: "p50", figure: p50, look: "c-p50" },
      { name: "p95", figure: p95, look: "c-p95" },
      { name: "p99", figure: p99, look: "c-p99" },
    ],
    isStacked: false,
    kind: "mean",
    least: 10,
    text: latencyText,
    headline: (values) => latencyText(values[p95] ?? null),
    headlineName: "p95",
  },
  {
    id: "errors",
    title: "Errors",
    lines: [
      { name: "4xx", figure: refused, look: "c-4xx" },
      { name: "5xx", figure: failed, look: "c-5xx" },
    ],
    isStacked: false,
    kind: "highest",
    least: 1,
    text: countText,
    headline: (values) =>
      percentText(total(values) === 0 ? 0 : (values[failed] ?? 0) / total(values)),
    headlineName: "5xx",
  },
  {
    id: "in-flight",
    title: "In flight",
    lines: [{ name: "requests", figure: underWay, look: "c-flight" }],
    isStacked: false,
    kind: "highest",
    least: 4,
    text: countText,
    headline: (values) => countText(values[underWay] ?? 0),
    headlineName: "",
  },
];

function total(values: Values): number {
  return [ok, redirected, refused, failed].reduce((sum, figure) => sum + (values[figure] ?? 0), 0);
}

export class Traffic {
  readonly #charts: Chart[];
  readonly #service = byId<HTMLSelectElement>("service");
  readonly #moment = byId<HTMLInputElement>("moment");
  #history = new History({ at: [], figures: Array.from({ length: figureCount }, () => []) });
  #tick: PageTick | null = null;
  #deploys: readonly ProxyEvent[] = [];
  /** Share of the time that is shown; 1: now. */
  #share = 1;

  constructor() {
    this.#charts = plans.map((plan) => new Chart(plan, (ms) => this.#point(ms)));
    byId("charts").append(...this.#charts.map(({ root }) => root));
    this.#service.addEventListener("change", () => void this.load());
    this.#moment.addEventListener("input", () => {
      this.#share = this.#moment.valueAsNumber / Number(this.#moment.max);
      this.draw();
    });
    for (const choice of ranges()) choice.addEventListener("change", () => this.draw());
  }

  /** Of the service that is chosen, as far as the proxy remembers. */
  async load(): Promise<void> {
    const name = this.#service.value;
    const query = name === "" ? "" : `?service=${encodeURIComponent(name)}`;
    const response = await fetch(`api/history${query}`);
    if (!response.ok || this.#service.value !== name) return;
    this.#history = new History((await response.json()) as SentHistory);
    this.draw();
  }

  choose(service: string): void {
    this.#service.value = service;
    void this.load();
    byId("traffic").scrollIntoView({ block: "start" });
    this.#service.focus({ preventScroll: true });
  }

  /** Those that can be chosen. */
  offer(services: readonly string[], deploys: readonly ProxyEvent[]): void {
    this.#deploys = deploys;
    const offered = [...this.#service.options].slice(1).map(({ value }) => value);
    if (offered.join("\n") === services.join("\n")) return;
    const chosen = this.#service.value;
    const options = services.map((name) => element("option", { value: name }, name));
    this.#service.replaceChildren(this.#service.options[0]!, ...options);
    this.#service.value = services.includes(chosen) ? chosen : "";
    if (this.#service.value !== chosen) void this.load();
  }

  /** `isShown`: the page is not held. */
  add(tick: PageTick, isShown: boolean): void {
    const name = this.#service.value;
    const point = name === "" ? tick.point : (tick.services[name] ?? noTraffic);
    if (point) this.#history.add(tick.at_ms, point);
    if (!isShown) return;
    this.#tick = tick;
    this.draw();
  }

  draw(): void {
    if (this.#tick === null) return;
    const toMs = this.#tick.at_ms;
    const minutes = Number(ranges().find(({ checked }) => checked)?.value ?? 15);
    const fromMs = toMs - minutes * 60_000;
    const momentMs = this.#share >= 1 ? null : fromMs + this.#share * (toMs - fromMs);
    const values = momentMs === null ? this.#now() : this.#at(momentMs, minutes);
    const text = momentMs === null ? "now" : timeText(momentMs);
    setText(byId("moment-text"), text);
    const told = plans.map((plan) => `${plan.title} ${plan.headline(values)} ${plan.headlineName}`);
    this.#moment.setAttribute("aria-valuetext", `${text}: ${told.join(", ")}`);
    const name = this.#service.value;
    const deploys = this.#deploys.filter(
      ({ kind, at_ms, service, outcome }) =>
        kind === "deploy" &&
        outcome !== "running" &&
        at_ms > fromMs &&
        (name === "" || name === service),
    );
    const history = this.#history;
    for (const chart of this.#charts) {
      chart.draw({ history, values, fromMs, toMs, momentMs, deploys });
    }
  }

  #point(ms: number | null): void {
    const tick = this.#tick;
    if (tick === null) return;
    const spanMs = Number(ranges().find(({ checked }) => checked)?.value ?? 15) * 60_000;
    this.#share = ms === null ? 1 : Math.min(1, (ms - (tick.at_ms - spanMs)) / spanMs);
    this.#moment.valueAsNumber = this.#share * Number(this.#moment.max);
    this.draw();
  }

  #now(): Values {
    const name = this.#service.value;
    const { all = [], services = {} } = this.#tick ?? {};
    return name === "" ? all : (services[name] ?? noTraffic);
  }

  #at(momentMs: number, minutes: number): Values {
    const stepMs = Math.max(2_000, (minutes * 60_000) / 300);
    const range = { fromMs: momentMs - stepMs / 2, toMs: momentMs + stepMs / 2, stepMs };
    const { at, figures } = this.#history;
    return figures.map((list) => {
      const near = bins(at, list, range, "mean").filter(({ value }) => value !== null);
      return (
        near.toSorted((a, b) => Math.abs(a.atMs - momentMs) - Math.abs(b.atMs - momentMs))[0]
          ?.value ?? null
      );
    });
  }
}

function ranges(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("input[name=range]")];
}
