/** Counts of requests by service, method and status. What clients invent never makes it grow. */
import {
  durationBuckets,
  type Series,
  type ServiceEvent,
  type ServiceMetrics,
} from "../../seam/service-metrics.ts";
import {
  countRequestOfGroup,
  type GroupCounts,
  noCounts,
  type RolloutCounts,
} from "../../seam/group-counts.ts";
import { maxMeteredServices, maxSeriesPerService } from "../../config/limits.ts";

/** To themselves: a method that was cut out of a head would keep all of it. */
const methods = new Map(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"].map((name) => [
    name,
    name,
  ]),
);
const otherMethod = "OTHER";
/** Stands for every status once a service has as many series as are kept. */
const otherStatus = -1;

/** By method, then by status: no string is built to find a series. */
type SeriesTable = Map<string, Map<number, Series>>;

export class Metrics {
  readonly #services = new Map<string, ServiceEntry>();
  /** Grows with each use, to know which service was not used for longest. */
  #uses = 0;

  requestStarted(service: string): void {
    const entry = this.#entry(service);
    entry.inFlight++;
    entry.started = true;
  }

  /** To be called once for each `requestStarted`, whatever became of the request. */
  requestEnded(service: string): void {
    const entry = this.#entry(service);
    if (entry.inFlight > 0) entry.inFlight--;
  }

  /** Counts a request that was answered. `rollout`, `bodyBytes`: as in `Series`. */
  countRequest(
    service: string,
    method: string,
    status: number,
    durationSeconds: number,
    rollout: boolean | null = null,
    bodyBytes = 0,
  ): void {
    const entry = this.#entry(service);
    if (rollout !== null) {
      countRequestOfGroup(entry.groupOf(rollout), status, durationSeconds * 1e3);
    }
    const series = entry.find(method, status, rollout);
    series.count++;
    series.sumSeconds += durationSeconds;
    series.bodyBytes += bodyBytes;
    let bucket = 0;
    while (bucket < durationBuckets.length && durationSeconds > durationBuckets[bucket]!) bucket++;
    series.buckets[bucket]!++;
  }

  /** Counts a request that a policy has answered. */
  countAnsweredBy(service: string, policy: string): void {
    const { answeredBy } = this.#entry(service);
    answeredBy[policy] = (answeredBy[policy] ?? 0) + 1;
  }

  countEvent(service: string, event: ServiceEvent): void {
    const { events } = this.#entry(service);
    events[event] = (events[event] ?? 0) + 1;
  }

  /** By name of service, series by method and status. */
  snapshot(): ServiceMetrics[] {
    const entries = [...this.#services.values()];
    return entries.toSorted((a, b) => compareText(a.service, b.service));
  }

  #entry(service: string): ServiceEntry {
    let entry = this.#services.get(service);
    if (entry === undefined) {
      if (this.#services.size >= maxMeteredServices) this.#forgetOldest();
      entry = new ServiceEntry(service);
      this.#services.set(service, entry);
    }
    entry.lastUse = ++this.#uses;
    return entry;
  }

  #forgetOldest(): void {
    let oldest: ServiceEntry | undefined;
    for (const entry of this.#services.values()) {
      if (entry.inFlight === 0 && (oldest === undefined || entry.lastUse < oldest.lastUse))
        oldest = entry;
    }
    if (oldest !== undefined) this.#services.delete(oldest.service);
  }
}

class ServiceEntry implements ServiceMetrics {
  readonly service: string;
  inFlight = 0;
  started = false;
  lastUse = 0;
  readonly series: Series[] = [];
  readonly answeredBy: Record<string, number> = {};
  readonly events: Partial<Record<ServiceEvent, number>> = {};
  groups: RolloutCounts | null = null;
  /** Of the request that was counted last: most are like the one before. */
  #last: Series | null = null;
  #lastStatus = 0;
  readonly #outsideRollouts: SeriesTable = new Map();
  /** Made when there is a rollout. */
  #inRollout: SeriesTable | null = null;
  #besideRollout: SeriesTable | null = null;

  constructor(service: string) {
    this.service = service;
  }

  groupOf(rollout: boolean): GroupCounts {
    this.groups ??= { rollout: noCounts(), active: noCounts() };
    return rollout ? this.groups.rollout : this.groups.active;
  }

  find(method: string, status: number, rollout: boolean | null): Series {
    const last = this.#last;
    const isAlike = last?.method === method && last.rollout === rollout;
    if (isAlike && status === this.#lastStatus) return last;
    const table = this.#tableOf(rollout);
    const series =
      table.get(method)?.get(status) ??
      this.#add(table, methods.get(method) ?? otherMethod, status, rollout);
    this.#last = series;
    this.#lastStatus = status;
    return series;
  }

  #tableOf(rollout: boolean | null): SeriesTable {
    if (rollout === null) return this.#outsideRollouts;
    return rollout ? (this.#inRollout ??= new Map()) : (this.#besideRollout ??= new Map());
  }

  #add(table: SeriesTable, method: string, status: number, rollout: boolean | null): Series {
    let byStatus = table.get(method);
    if (byStatus === undefined) {
      byStatus = new Map();
      table.set(method, byStatus);
    }
    const key = this.series.length < maxSeriesPerService ? status : otherStatus;
    let series = byStatus.get(status) ?? byStatus.get(key);
    if (series === undefined) {
      series = {
        method,
        status: key === otherStatus ? "other" : String(status),
        rollout,
        count: 0,
        sumSeconds: 0,
        bodyBytes: 0,
        buckets: Array.from({ length: durationBuckets.length + 1 }, () => 0),
      };
      byStatus.set(key, series);
      this.series.push(series);
    }
    return series;
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
