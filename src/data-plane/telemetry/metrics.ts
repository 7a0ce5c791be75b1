/** Counts of requests by service, method and status. What clients invent never makes it grow. */
import { durationBuckets, type Series, type ServiceMetrics } from "../../seam/service-metrics.ts";
import { maxMeteredServices, maxSeriesPerService } from "../../config/limits.ts";

const methods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
]);
const otherMethod = "OTHER";
/** Stands for every status once a service has as many series as are kept. */
const otherStatus = -1;

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

  /** Counts a request that was answered. */
  countRequest(service: string, method: string, status: number, durationSeconds: number): void {
    const series = this.#entry(service).find(method, status);
    series.count++;
    series.sumSeconds += durationSeconds;
    let bucket = 0;
    while (bucket < durationBuckets.length && durationSeconds > durationBuckets[bucket]!) bucket++;
    series.buckets[bucket]!++;
  }

  /** Counts a request that a policy has answered. */
  countAnsweredBy(service: string, policy: string): void {
    const { answeredBy } = this.#entry(service);
    answeredBy[policy] = (answeredBy[policy] ?? 0) + 1;
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
  /** By method, then by status: no string is built to find a series. */
  readonly #byMethod = new Map<string, Map<number, Series>>();

  constructor(service: string) {
    this.service = service;
  }

  find(method: string, status: number): Series {
    return (
      this.#byMethod.get(method)?.get(status) ??
      this.#add(methods.has(method) ? method : otherMethod, status)
    );
  }

  #add(method: string, status: number): Series {
    let byStatus = this.#byMethod.get(method);
    if (byStatus === undefined) {
      byStatus = new Map();
      this.#byMethod.set(method, byStatus);
    }
    const key = this.series.length < maxSeriesPerService ? status : otherStatus;
    let series = byStatus.get(status) ?? byStatus.get(key);
    if (series === undefined) {
      series = {
        method,
        status: key === otherStatus ? "other" : String(status),
        count: 0,
        sumSeconds: 0,
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
