/** Keeps what the status page shows, and tells the pages that are open what is new. */
import { statusLimits } from "../../config/operator-limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import type { CertificateDetails } from "../certificates/certificate-details.ts";
import type { ServiceDescriptions } from "../socket/protocol.ts";
import type { ProcessStatus } from "../socket/status-protocol.ts";
import type { EventJournal } from "./event-journal.ts";
import type { FigurePoints } from "./figure-ring.ts";
import { pageState, type PageState, type PageTick } from "./page-state.ts";
import { figureNames, TrafficRecord } from "./traffic-record.ts";
import { eventText, Viewers } from "./viewers.ts";

export interface StatusFeedContext {
  clock: Clock;
  version: string;
  journal: EventJournal;
  services(): Promise<ServiceDescriptions>;
  certificates(): Promise<CertificateDetails[]>;
  processes(): Promise<ProcessStatus[]>;
}

export interface PageHistory extends FigurePoints {
  names: readonly string[];
}

export class StatusFeed {
  readonly #context: StatusFeedContext;
  readonly #startedMs: number;
  readonly #record = new TrafficRecord();
  readonly #viewers = new Viewers();
  #ticks = 0;
  /** As it was told last. */
  #told = "";
  #telling = false;
  /** Monotonic: looking for news before that would take too much of the primary's time. */
  #quietUntilMs = 0;
  #soon: Timer | null = null;

  constructor(context: StatusFeedContext) {
    this.#context = context;
    this.#startedMs = Math.round(context.clock.wallMs());
    context.journal.onChange = () => this.#tellSoon();
  }

  /** What all workers have counted, once a second. */
  count(metrics: readonly ServiceMetrics[]): void {
    const { clock } = this.#context;
    this.#record.add(metrics, clock.now(), Math.round(clock.wallMs()));
    if (this.#viewers.size === 0) return;
    void this.#tick();
    if (clock.now() >= this.#quietUntilMs) void this.#tell();
  }

  history(service: string | null): PageHistory {
    return { names: figureNames, ...this.#record.history(service) };
  }

  async state(): Promise<PageState> {
    const { version, journal, services, certificates } = this.#context;
    return pageState({
      version,
      startedMs: this.#startedMs,
      services: await services(),
      certificates: await certificates(),
      events: journal.events,
    });
  }

  /** Null: too many look already. */
  async join(): Promise<ReadableStream<Uint8Array> | null> {
    const [state, processes] = await Promise.all([this.state(), this.#context.processes()]);
    return this.#viewers.join([
      eventText("state", state),
      eventText("tick", { ...this.#now(), processes } satisfies PageTick),
    ]);
  }

  close(): void {
    this.#soon?.cancel();
    this.#context.journal.onChange = null;
    this.#viewers.close();
  }

  #now(): PageTick {
    const at_ms = Math.round(this.#context.clock.wallMs());
    return { at_ms, point: this.#record.newest, ...this.#record.rates() };
  }

  async #tick(): Promise<void> {
    const isDue = ++this.#ticks % statusLimits.processTicks === 0;
    const processes = isDue ? { processes: await this.#context.processes() } : {};
    this.#viewers.tell(eventText("tick", { ...this.#now(), ...processes } satisfies PageTick));
  }

  /** Several things that happen at once are one piece of news. */
  #tellSoon(): void {
    if (this.#viewers.size === 0) return;
    const { settleMs, maxNewsDelayMs } = statusLimits;
    const quietMs = Math.min(this.#quietUntilMs - this.#context.clock.now(), maxNewsDelayMs);
    this.#soon ??= this.#context.clock.after(Math.max(settleMs, quietMs), () => {
      this.#soon = null;
      void this.#tell();
    });
  }

  /** What is there already is not told again. */
  async #tell(): Promise<void> {
    if (this.#telling) {
      this.#tellSoon();
      return;
    }
    this.#telling = true;
    const startedMs = this.#context.clock.now();
    try {
      const text = eventText("state", await this.state());
      if (text !== this.#told) this.#viewers.tell(text);
      this.#told = text;
    } finally {
      this.#telling = false;
      const tookMs = this.#context.clock.now() - startedMs;
      this.#quietUntilMs = startedMs + tookMs / statusLimits.newsShare;
    }
  }
}
