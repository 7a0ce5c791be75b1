/** Counts of several workers as those of one: what the dead have counted stays, so no counter ever falls. */
import { maxMeteredServices } from "../../config/limits.ts";
import { addCounts, noCounts, type RolloutCounts } from "../../seam/group-counts.ts";
import type { Series, ServiceEvent, ServiceMetrics } from "../../seam/service-metrics.ts";

class ServiceSum implements ServiceMetrics {
  readonly service: string;
  inFlight = 0;
  started = false;
  readonly answeredBy: Record<string, number> = {};
  readonly events: Partial<Record<ServiceEvent, number>> = {};
  groups: RolloutCounts | null = null;
  readonly #series = new Map<string, Series>();

  constructor(service: string) {
    this.service = service;
  }

  get series(): readonly Series[] {
    return [...this.#series.values()];
  }

  add({ inFlight, started, series, answeredBy, events, groups }: ServiceMetrics): void {
    this.inFlight += inFlight;
    this.started ||= started;
    for (const one of series) this.#addSeries(one);
    addByName(this.answeredBy, answeredBy);
    addByName(this.events, events ?? {});
    // A worker of a version before knows of none.
    if (groups) this.#addGroups(groups);
  }

  #addGroups({ rollout, active }: RolloutCounts): void {
    this.groups ??= { rollout: noCounts(), active: noCounts() };
    addCounts(this.groups.rollout, rollout);
    addCounts(this.groups.active, active);
  }

  #addSeries(series: Series): void {
    // What an older executable has counted may have less to tell.
    const { method, status, rollout = null, count, sumSeconds, bodyBytes = 0, buckets } = series;
    const key = `${method} ${status} ${rollout}`;
    const sum = this.#series.get(key);
    if (sum === undefined) {
      this.#series.set(key, { ...series, rollout, bodyBytes, buckets: [...buckets] });
      return;
    }
    sum.count += count;
    sum.sumSeconds += sumSeconds;
    sum.bodyBytes += bodyBytes;
    for (let i = 0; i < buckets.length; i++) sum.buckets[i]! += buckets[i]!;
  }
}

function addByName(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}

/** By name of service. */
export function sumMetrics(parts: Iterable<readonly ServiceMetrics[]>): ServiceMetrics[] {
  const sums = new Map<string, ServiceSum>();
  for (const part of parts) {
    for (const metrics of part) {
      let sum = sums.get(metrics.service);
      if (sum === undefined) {
        sum = new ServiceSum(metrics.service);
        sums.set(metrics.service, sum);
      }
      sum.add(metrics);
    }
  }
  return [...sums.values()].toSorted((a, b) => (a.service < b.service ? -1 : 1));
}

/** What the dead have counted. Of services without end only the latest are kept. */
export class GoneMetrics {
  #metrics: ServiceMetrics[] = [];

  get metrics(): readonly ServiceMetrics[] {
    return this.#metrics;
  }

  /** Nothing of it is under way any more. */
  add(last: readonly ServiceMetrics[]): void {
    const ended = last.map((metrics) => ({ ...metrics, inFlight: 0 }));
    const names = new Set(ended.map(({ service }) => service));
    const kept = this.#metrics.filter(({ service }) => !names.has(service));
    const summed = sumMetrics([this.#metrics.filter(({ service }) => names.has(service)), ended]);
    this.#metrics = [...kept, ...summed].slice(-maxMeteredServices);
  }
}
