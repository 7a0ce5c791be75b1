/**
 * Rates and latencies out of counts that only grow: the last seconds of each service, and its requests a
 * second over the last minutes.
 */
import { topLimits } from "../../config/operator-limits.ts";
import { type Latency, percentile } from "../../lib/percentile.ts";
import type { ProxyStatus, ServiceTraffic } from "../../control-plane/socket/status-protocol.ts";

/** Of the last seconds; null where nothing was counted, or the longest bucket has no bound. */
export interface Rates {
  requests: number;
  status4xx: number;
  status5xx: number;
  /** Bytes of response bodies. */
  bytes: number;
  p50Ms: Latency;
  p95Ms: Latency;
  p99Ms: Latency;
}

const noRates: Rates = {
  requests: 0,
  status4xx: 0,
  status5xx: 0,
  bytes: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
};

export class TrafficHistory {
  /** The newest last. */
  #window: ProxyStatus[] = [];
  readonly #requests = new Map<string, number[]>();

  add(status: ProxyStatus): void {
    const last = this.#window.at(-1);
    // Another proxy counts from the beginning.
    if (last !== undefined && (status.at_ms <= last.at_ms || countsLess(status, last))) {
      this.#window = [];
      this.#requests.clear();
    }
    this.#note(status);
    this.#window.push(status);
    if (this.#window.length > topLimits.windowSamples) this.#window.shift();
  }

  ratesOf(service: string): Rates {
    const newest = this.#window.at(-1);
    const oldest = this.#window[0];
    if (newest === undefined || oldest === undefined || newest === oldest) return noRates;
    const now = trafficOf(newest, service);
    if (now === undefined) return noRates;
    const before = trafficOf(oldest, service);
    const seconds = (newest.at_ms - oldest.at_ms) / 1_000;
    const buckets = now.buckets.map((count, index) => count - (before?.buckets[index] ?? 0));
    const latency = (share: number): Latency => percentile(buckets, newest.bucket_seconds, share);
    return {
      requests: (now.requests - (before?.requests ?? 0)) / seconds,
      status4xx: (now.status_4xx - (before?.status_4xx ?? 0)) / seconds,
      status5xx: (now.status_5xx - (before?.status_5xx ?? 0)) / seconds,
      bytes: (now.bytes - (before?.bytes ?? 0)) / seconds,
      p50Ms: latency(0.5),
      p95Ms: latency(0.95),
      p99Ms: latency(0.99),
    };
  }

  /** Requests a second between two samples each, the newest last. */
  requestsOf(service: string): readonly number[] {
    return this.#requests.get(service) ?? [];
  }

  /** Share of a processor. */
  cpuOf(pid: number): number {
    const newest = this.#window.at(-1);
    const oldest = this.#window.find(({ processes }) => processes.some((each) => each.pid === pid));
    if (newest === undefined || oldest === undefined || newest === oldest) return 0;
    const used = ({ processes }: ProxyStatus): number =>
      processes.find((each) => each.pid === pid)?.cpu_seconds ?? 0;
    return ((used(newest) - used(oldest)) * 1_000) / (newest.at_ms - oldest.at_ms);
  }

  #note(status: ProxyStatus): void {
    const last = this.#window.at(-1);
    if (last === undefined) return;
    const seconds = (status.at_ms - last.at_ms) / 1_000;
    for (const { service, requests } of status.traffic) {
      const rates = this.#requests.get(service) ?? [];
      const before = trafficOf(last, service)?.requests ?? 0;
      rates.push((requests - before) / seconds);
      if (rates.length > topLimits.historySamples) rates.shift();
      this.#requests.set(service, rates);
    }
    for (const service of this.#requests.keys()) {
      if (trafficOf(status, service) === undefined) this.#requests.delete(service);
    }
  }
}

function trafficOf({ traffic }: ProxyStatus, service: string): ServiceTraffic | undefined {
  return traffic.find((each) => each.service === service);
}

function countsLess(status: ProxyStatus, last: ProxyStatus): boolean {
  return last.traffic.some(({ service, requests }) => {
    const now = trafficOf(status, service);
    return now !== undefined && now.requests < requests;
  });
}
