/** One chart: a headline, a drawing of the last minutes, and a legend with the figures of one moment. */
import type { ProxyEvent } from "../control-plane/socket/status-protocol.ts";
import { timeText } from "./format.ts";
import { drawing, element, setAttributes, setText } from "./dom.ts";
import type { History, Values } from "./history.ts";
import {
  areaPath,
  type Bin,
  bins,
  linePath,
  niceMaximum,
  type DrawnPoint,
  timeTicks,
} from "./scales.ts";

export interface ChartLine {
  name: string;
  /** Its place in the figures. */
  figure: number;
  /** What the style sheet calls it: its colour and its pattern. */
  look: string;
}

export interface ChartPlan {
  id: string;
  title: string;
  lines: readonly ChartLine[];
  /** Each stands on the one before it. */
  isStacked: boolean;
  /** Whether a bin shows the highest of what was measured in it: short peaks are what somebody looks for. */
  kind: "mean" | "highest";
  /** The scale reaches to it at least. */
  least: number;
  text(value: number | null): string;
  headline(values: Values): string;
  /** What the headline is. */
  headlineName: string;
}

export interface ChartPicture {
  history: History;
  /** Of the moment that is shown. */
  values: Values;
  fromMs: number;
  toMs: number;
  /** Null: now. */
  momentMs: number | null;
  deploys: readonly ProxyEvent[];
}

const top = 8;
const bottom = 18;
/** Width of a bin. */
const binPixels = 3;
/** A line goes on over as long a gap. */
const bridgeMs = 12_000;

export class Chart {
  readonly root: HTMLElement;
  readonly #plan: ChartPlan;
  readonly #headline = element("span");
  readonly #drawing = drawing("svg", { role: "img", class: "plot" });
  readonly #legend: HTMLElement[];
  #size = { width: 300, height: 110 };
  #picture: ChartPicture | null = null;

  /** `onMoment` is told where the pointer is; null: nowhere. */
  constructor(plan: ChartPlan, onMoment: (ms: number | null) => void) {
    this.#plan = plan;
    this.#legend = plan.lines.map(() => element("b"));
    const legend = plan.lines.map(({ name, look }, i) =>
      element("li", {}, element("i", { class: `key ${look}` }), `${name} `, this.#legend[i]!),
    );
    const headline = element(
      "strong",
      { class: "headline" },
      this.#headline,
      element("small", {}, ` ${plan.headlineName}`),
    );
    this.root = element(
      "figure",
      { class: "chart", id: `chart-${plan.id}` },
      element("figcaption", {}, element("span", { class: "title" }, plan.title), headline),
      this.#drawing,
      element("ul", { class: "legend" }, ...legend),
    );
    this.#drawing.addEventListener("pointermove", (event) => onMoment(this.#timeAt(event)));
    this.#drawing.addEventListener("pointerleave", () => onMoment(null));
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width === 0) return;
      this.#size = { width, height };
      if (this.#picture !== null) this.draw(this.#picture);
    }).observe(this.#drawing);
  }

  draw(picture: ChartPicture): void {
    this.#picture = picture;
    const { lines, text, headline, title } = this.#plan;
    const { values } = picture;
    setText(this.#headline, headline(values));
    for (const [i, { figure }] of lines.entries()) {
      setText(this.#legend[i]!, text(values[figure] ?? null));
    }
    const told = lines.map(({ name, figure }) => `${name} ${text(values[figure] ?? null)}`);
    const { width, height } = this.#size;
    setAttributes(this.#drawing, {
      viewBox: `0 0 ${width} ${height}`,
      "aria-label": `${title}: ${told.join(", ")}`,
    });
    this.#drawing.replaceChildren(...this.#parts(picture));
  }

  #parts(picture: ChartPicture): SVGElement[] {
    const { fromMs, toMs, history } = picture;
    const { lines, isStacked, kind, least, text } = this.#plan;
    const { width, height } = this.#size;
    const stepMs = Math.max(1_000, ((toMs - fromMs) / width) * binPixels);
    const range = { fromMs, toMs, stepMs };
    const measured = lines.map(({ figure }) =>
      bins(history.at, history.figures[figure] ?? [], range, kind),
    );
    const shown = isStacked ? stacked(measured) : measured;
    const highest = Math.max(0, ...shown.flat().map(({ value }) => value ?? 0));
    const maximum = niceMaximum(highest, least);
    const floor = height - bottom;
    const yOf = (value: number): number => floor - (value / maximum) * (floor - top);
    const places = shown.map((line) =>
      line.map(({ atMs, value }): DrawnPoint | null =>
        value === null ? null : { x: this.#xOf(atMs, picture), y: yOf(value) },
      ),
    );
    const bridge = Math.ceil(bridgeMs / stepMs);
    const drawn = lines.map(({ look }, i) =>
      isStacked || lines.length === 1
        ? drawing("path", { class: `area ${look}`, d: areaPath(places[i]!, floor, bridge) })
        : drawing("path", { class: `line ${look}`, d: linePath(places[i]!, bridge) }),
    );
    return [
      ...[0.5, 1].map((share) => this.#grid(yOf(maximum * share), text(maximum * share))),
      drawing("line", { class: "floor", x1: 0, x2: width, y1: floor, y2: floor }),
      ...this.#times(picture),
      // The highest of a stack is behind the others.
      ...(isStacked ? drawn.toReversed() : drawn),
      ...picture.deploys.map((deploy) => this.#mark(deploy, picture)),
      ...this.#cursor(picture),
    ];
  }

  #grid(y: number, label: string): SVGElement {
    const line = drawing("line", { class: "grid", x1: 0, x2: this.#size.width, y1: y, y2: y });
    return drawing("g", {}, line, drawing("text", { class: "label", x: 0, y: y + 11 }, label));
  }

  #times(picture: ChartPicture): SVGElement[] {
    const { width, height } = this.#size;
    return timeTicks(picture.fromMs, picture.toMs, Math.max(2, Math.floor(width / 70)))
      .map((at) => ({ at, x: this.#xOf(at, picture) }))
      .filter(({ x }) => x > 16 && x < width - 16)
      .map(({ at, x }) =>
        drawing("text", { class: "label middle", x, y: height - 5 }, timeText(at).slice(0, 5)),
      );
  }

  #mark({ at_ms, took_ms, outcome, service, text }: ProxyEvent, picture: ChartPicture): SVGElement {
    const x = this.#xOf(at_ms + (took_ms ?? 0), picture);
    const floor = this.#size.height - bottom;
    const sign =
      outcome === "bad" ? `M${x - 4} ${top - 6}l8 8m0-8l-8 8` : `M${x - 4} ${top - 6}h8l-4 7z`;
    return drawing(
      "g",
      { class: "mark", "data-outcome": outcome },
      drawing("title", {}, `${service}: ${text}`),
      drawing("line", { x1: x, x2: x, y1: top, y2: floor }),
      drawing("path", { class: "sign", d: sign }),
    );
  }

  #cursor(picture: ChartPicture): SVGElement[] {
    if (picture.momentMs === null) return [];
    const x = this.#xOf(picture.momentMs, picture);
    const floor = this.#size.height - bottom;
    return [drawing("line", { class: "cursor", x1: x, x2: x, y1: top, y2: floor })];
  }

  #xOf(atMs: number, { fromMs, toMs }: ChartPicture): number {
    return ((atMs - fromMs) / (toMs - fromMs)) * this.#size.width;
  }

  #timeAt({ offsetX }: PointerEvent): number | null {
    if (this.#picture === null) return null;
    const { fromMs, toMs } = this.#picture;
    const share = Math.min(1, Math.max(0, offsetX / this.#size.width));
    return fromMs + share * (toMs - fromMs);
  }
}

/** Where one line knows nothing, the others stand on what is below. */
function stacked(lines: readonly Bin[][]): Bin[][] {
  const sums: Bin[][] = [];
  for (const line of lines) {
    const below = sums.at(-1);
    sums.push(
      line.map(({ atMs, value }, i) => {
        const under = below?.[i]?.value ?? null;
        return { atMs, value: value === null ? under : value + (under ?? 0) };
      }),
    );
  }
  return sums;
}
