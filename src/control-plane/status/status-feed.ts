/** Keeps what the status page shows, and tells the pages that are open what is new. */
import { statusLimits } from "../../config/operator-limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { sharedCall } from "../../lib/shared-call.ts";
import { sleep } from "../../lib/sleep.ts";
import type { ServiceMetrics } from "../../seam/service-metrics.ts";
import type { CertificateDetails } from "../certificates/certificate-details.ts";
import type { ServiceDescriptions } from "../socket/protocol.ts";
import type { ProcessStatus } from "../socket/status-protocol.ts";
import type { EventJournal } from "./event-journal.ts";
import type { FigurePoints } from "./figure-ring.ts";
import { pageState, type PageTick } from "./page-state.ts";
import { ToldState } from "./told-state.ts";
import { figureNames, type TrafficRecord } from "./traffic-record.ts";
import { eventText, Viewers } from "./viewers.ts";

export interface StatusFeedContext {
  clock: Clock;
  version: string;
  journal: EventJournal;
  record: TrafficRecord;
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
  readonly #viewers = new Viewers();
  readonly #told = new ToldState();
  #wholeHistory: string | null = null;
  #ticks = 0;
  #processes: ProcessStatus[] | null = null;
  /** Resolves when pages have been told what is true now. */
  readonly #look = sharedCall(
    () => this.#lookNow(),
    () => this.#untilDue(),
  );
  #soon: Timer | null = null;
  /** Monotonic: a look before that would take too much of the primary's time. */
  #quietUntilMs = 0;
  readonly #end = new AbortController();

  constructor(context: StatusFeedContext) {
    this.#context = context;
    this.#startedMs = Math.round(context.clock.wallMs());
    context.journal.onChange = () => this.#tellSoon();
  }

  /** What all workers have counted, once a second. */
  count(metrics: readonly ServiceMetrics[]): void {
    const { clock, record } = this.#context;
    record.add(metrics, clock.now(), Math.round(clock.wallMs()));
    this.#wholeHistory = null;
    if (this.#viewers.size === 0) return;
    void this.#tick();
    this.#tell();
  }

  /** JSON of a `PageHistory`. */
  historyText(service: string | null): string {
    const textOf = (): string => {
      const history: PageHistory = {
        names: figureNames,
        ...this.#context.record.history(service),
      };
      return JSON.stringify(history);
    };
    // That of the whole proxy is large, and the same for all who ask in one second.
    return service === null ? (this.#wholeHistory ??= textOf()) : textOf();
  }

  /** JSON of a `PageState`, in which is all that has happened before. */
  async stateText(): Promise<string> {
    await this.#look();
    return this.#told.text;
  }

  /** Null: too many look already. */
  async join(): Promise<ReadableStream<Uint8Array> | null> {
    if (this.#viewers.isFull) return null;
    const processes = this.#processes ?? (await this.#measureProcesses());
    const state = await this.stateText();
    return this.#viewers.join([
      eventText("state", state),
      eventText("tick", JSON.stringify({ ...this.#now(), processes } satisfies PageTick)),
    ]);
  }

  close(): void {
    this.#soon?.cancel();
    this.#end.abort();
    this.#context.journal.onChange = null;
    this.#viewers.close();
  }

  #now(): PageTick {
    const { clock, record } = this.#context;
    return { at_ms: Math.round(clock.wallMs()), point: record.newest, ...record.rates() };
  }

  async #tick(): Promise<void> {
    const isDue = ++this.#ticks % statusLimits.processTicks === 0;
    const processes = isDue ? { processes: await this.#measureProcesses() } : {};
    const tick: PageTick = { ...this.#now(), ...processes };
    this.#viewers.tell(eventText("tick", JSON.stringify(tick)));
  }

  async #measureProcesses(): Promise<ProcessStatus[]> {
    this.#processes = await this.#context.processes();
    return this.#processes;
  }

  /** Several things that happen at once are one piece of news. */
  #tellSoon(): void {
    this.#soon ??= this.#context.clock.after(statusLimits.settleMs, () => {
      this.#soon = null;
      this.#tell();
    });
  }

  #tell(): void {
    // Who comes is told all.
    if (this.#viewers.size > 0) this.#look().catch(() => {});
  }

  async #untilDue(): Promise<void> {
    const { clock } = this.#context;
    const quietMs = Math.min(this.#quietUntilMs - clock.now(), statusLimits.maxNewsDelayMs);
    if (quietMs > 0) await sleep(clock, quietMs, this.#end.signal);
  }

  async #lookNow(): Promise<void> {
    const { version, clock, journal, services, certificates } = this.#context;
    const beganMs = clock.now();
    const sources = { services: await services(), certificates: await certificates() };
    const startedMs = this.#startedMs;
    const state = pageState({ version, startedMs, events: journal.events, ...sources });
    const change = this.#told.update(state);
    if (change !== null) this.#viewers.tell(eventText("change", JSON.stringify(change)));
    const tookMs = clock.now() - beganMs;
    this.#quietUntilMs = clock.now() + tookMs / statusLimits.newsShare;
  }
}
