/** What `top` and `doctor` are told of the whole proxy: settings, processes, machine, and counts of requests. */
import { maxToldEvents } from "../config/operator-limits.ts";
import type { RunOptions } from "../config/run-options.ts";
import { durationBuckets, type ServiceMetrics } from "../seam/service-metrics.ts";
import type {
  ProxyEvent,
  ProxyStatus,
  ServiceTraffic,
  SlotDescription,
} from "./socket/status-protocol.ts";
import { machineFacts } from "./machine-facts.ts";
import { processUsage } from "./telemetry/process-figures.ts";

export interface StatusSources {
  options: RunOptions;
  version: string;
  pid: number;
  /** Monotonic. */
  nowMs: number;
  workers: readonly SlotDescription[];
  metrics: readonly ServiceMetrics[];
  events: readonly ProxyEvent[];
}

export function proxyStatus(sources: StatusSources): ProxyStatus {
  const { options, version, pid, nowMs, workers, metrics, events } = sources;
  return {
    version,
    at_ms: nowMs,
    bind: options.bind,
    http_port: options.httpPort,
    https_port: options.httpsPort,
    metrics_port: options.metricsPort,
    status_port: options.statusPort,
    image_version: options.imageVersion,
    acme_directory: options.acme.authorities[0]?.url ?? "",
    proxy_protocol: options.proxyProtocol,
    trusted_proxies: options.trustedProxies,
    data_path: options.dataPath,
    ...machineFacts(options.dataPath),
    processes: [
      { worker: null, pid, state: "serving", restarts: 0, ...processUsage(pid) },
      ...workers.map((worker) => ({ ...worker, ...processUsage(worker.pid) })),
    ],
    bucket_seconds: [...durationBuckets],
    traffic: metrics.map(trafficOf),
    events: events.slice(-maxToldEvents),
  };
}

export function trafficOf({ service, inFlight, series }: ServiceMetrics): ServiceTraffic {
  const traffic: ServiceTraffic = {
    service,
    in_flight: inFlight,
    requests: 0,
    status_4xx: 0,
    status_5xx: 0,
    bytes: 0,
    buckets: Array.from({ length: durationBuckets.length + 1 }, () => 0),
  };
  for (const { status, count, bodyBytes, buckets } of series) {
    traffic.requests += count;
    traffic.bytes += bodyBytes;
    if (status.startsWith("4")) traffic.status_4xx += count;
    if (status.startsWith("5")) traffic.status_5xx += count;
    for (const [index, inBucket] of buckets.entries()) traffic.buckets[index]! += inBucket;
  }
  return traffic;
}
