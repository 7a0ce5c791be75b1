/** What the proxy tells of itself over the control socket: `top`, `doctor`, and the status page. */

/** What the machine gives the proxy. */
export interface MachineFacts {
  in_container: boolean;
  /** Why nothing can be saved in the folder of the data; null when it can. */
  data_path_error: string | null;
  /** The folder of the data is a volume of its own. */
  data_is_mounted: boolean;
  /** Null where that can't be known, as with the other ones. */
  disk_free_bytes: number | null;
  open_files: number | null;
  max_open_files: number | null;
  /** `net.core.somaxconn`. */
  accept_queue: number | null;
  /** The name servers are Docker's own, as in every network but its default one. */
  docker_dns: boolean;
}

/** What `doctor` and `top` are told. Bytes, and seconds where nothing else is said. */
export interface ProxyStatus extends MachineFacts {
  version: string;
  /** Monotonic time of the proxy, for rates. */
  at_ms: number;
  /** Empty: all addresses. */
  bind: string;
  http_port: number;
  https_port: number;
  /** 0: off. */
  metrics_port: number;
  status_port: number;
  /** Of the container image; empty: it is none, or does not say. */
  image_version: string;
  /** Of the first authority of certificates. */
  acme_directory: string;
  proxy_protocol: boolean;
  /** Null: kamal-proxy's rule. */
  trusted_proxies: string[] | null;
  data_path: string;
  /** The one that takes commands first. */
  processes: ProcessStatus[];
  /** Upper bounds of the buckets of `traffic`; the last bucket has none. */
  bucket_seconds: number[];
  traffic: ServiceTraffic[];
  /** The last ones, the oldest first. */
  events: ProxyEvent[];
}

export interface ProcessStatus extends Omit<SlotDescription, "worker"> {
  /** Null: the one that takes commands. */
  worker: number | null;
  cpu_seconds: number;
  memory_bytes: number;
}

/** Since the proxy has started. */
export interface ServiceTraffic {
  /** Empty: of what no service wanted. */
  service: string;
  in_flight: number;
  requests: number;
  status_4xx: number;
  status_5xx: number;
  /** Of response bodies. */
  bytes: number;
  /** Requests by their duration, each bucket alone. */
  buckets: number[];
}

/** Something that has happened. */
export interface ProxyEvent {
  /** Grows. */
  id: number;
  /** Milliseconds since 1970. */
  at_ms: number;
  /** `change`: of a service, by another command than a deploy. */
  kind: "deploy" | "change" | "health" | "certificate" | "process";
  outcome: "good" | "bad" | "info" | "running";
  /** Empty: it is about none. */
  service: string;
  text: string;
  /** Null while it goes on, and of what takes no time. */
  took_ms: number | null;
}

export interface SlotDescription {
  /** Its place among the others. */
  worker: number;
  /** 0: there is none now. */
  pid: number;
  /** `waiting`: it died so often that its successor has to wait. */
  state: "starting" | "serving" | "waiting" | "ended";
  /** How often it was replaced. */
  restarts: number;
}
