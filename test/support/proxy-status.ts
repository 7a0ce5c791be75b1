/** What a proxy tells of itself, where only some of it matters. */
import type { ServiceDescription } from "../../src/control-plane/socket/protocol.ts";
import type {
  ProxyStatus,
  ServiceTraffic,
} from "../../src/control-plane/socket/status-protocol.ts";

export function serviceDescription(part: Partial<ServiceDescription> = {}): ServiceDescription {
  return {
    hosts: [""],
    paths: ["/"],
    targets: [],
    rollout_targets: [],
    state: "running",
    tls: false,
    rollout: null,
    rollout_auto: null,
    degraded: null,
    held_requests: 0,
    target_details: [],
    certificates: [],
    options: {},
    sources: {},
    set: {},
    protected_by: [],
    ...part,
  };
}

/** All is well. */
export function proxyStatus(part: Partial<ProxyStatus> = {}): ProxyStatus {
  return {
    version: "1.0.0",
    at_ms: 0,
    bind: "",
    http_port: 80,
    https_port: 443,
    metrics_port: 0,
    status_port: 0,
    image_version: "",
    acme_directory: "https://authority.invalid/directory",
    proxy_protocol: false,
    trusted_proxies: null,
    data_path: "/data",
    data_path_error: null,
    data_is_mounted: false,
    in_container: false,
    disk_free_bytes: 2 ** 40,
    open_files: 20,
    max_open_files: 65_536,
    accept_queue: 4_096,
    docker_dns: false,
    processes: [
      { worker: null, pid: 1, state: "serving", restarts: 0, cpu_seconds: 0, memory_bytes: 0 },
      { worker: 0, pid: 2, state: "serving", restarts: 0, cpu_seconds: 0, memory_bytes: 0 },
    ],
    bucket_seconds: [0.1, 1],
    traffic: [],
    events: [],
    ...part,
  };
}

/** With the buckets of `proxyStatus`. */
export function serviceTraffic(part: Partial<ServiceTraffic> = {}): ServiceTraffic {
  return {
    service: "web",
    in_flight: 0,
    requests: 0,
    status_4xx: 0,
    status_5xx: 0,
    bytes: 0,
    buckets: [0, 0, 0],
    ...part,
  };
}
