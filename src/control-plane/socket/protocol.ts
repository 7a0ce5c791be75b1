/** Every command that can be sent over the control socket, and its reply. */
import type { PauseState, ServiceOptions, TargetOptions } from "../../config/options.ts";
import type { SettingSource } from "../../config/setting-layers.ts";
import type {
  AutomaticRolloutDescription,
  RolloutAutoCommand,
  RolloutProgress,
} from "./rollout-protocol.ts";

export interface DeployCommand {
  command: "deploy";
  service: string;
  targets: string[];
  readTargets: string[];
  options: ServiceOptions;
  targetOptions: TargetOptions;
  deployTimeoutMs: number;
  drainTimeoutMs: number;
  force: boolean;
  /** Names of the flags of settings that were given; without it what is no default was. */
  given?: string[];
}

/** Values that stay with the service, whatever a deploy says. */
export interface SetCommand {
  command: "set";
  service: string;
  /** By the name of their flag, as a file of settings has them. */
  values: Record<string, unknown>;
}

export interface UnsetCommand {
  command: "unset";
  service: string;
  /** Names of flags; null: all that were set. */
  flags: string[] | null;
}

/** Reads the files of settings again. */
export interface ReloadCommand {
  command: "reload";
  /** Null: all. */
  service: string | null;
  dryRun: boolean;
}

export interface RolloutDeployCommand {
  command: "rollout-deploy";
  service: string;
  targets: string[];
  readTargets: string[];
  deployTimeoutMs: number;
  drainTimeoutMs: number;
}

export interface RolloutSetCommand {
  command: "rollout-set";
  service: string;
  percentage: number;
  allowlist: string[];
}

export interface PauseCommand {
  command: "pause";
  service: string;
  drainTimeoutMs: number;
  maxPauseMs: number;
}

export interface StopCommand {
  command: "stop";
  service: string;
  drainTimeoutMs: number;
  message: string;
}

export interface PlainServiceCommand {
  command: "rollout-stop" | "resume" | "remove";
  service: string;
}

export interface ListCommand {
  command: "list";
}

export interface StatusCommand {
  command: "status";
}

export interface CertificatesCommand {
  command: "certificates";
}

export interface CertificateCommand {
  command: "certificate-renew" | "certificate-forget";
  /** Server name, or a wildcard. */
  name: string;
}

export interface UpgradeCommand {
  command: "upgrade";
  /** Null: the file that the proxy was started from, as it is now. */
  path: string | null;
}

export type Command =
  | UpgradeCommand
  | DeployCommand
  | RolloutDeployCommand
  | RolloutSetCommand
  | RolloutAutoCommand
  | PauseCommand
  | StopCommand
  | PlainServiceCommand
  | SetCommand
  | UnsetCommand
  | ReloadCommand
  | ListCommand
  | StatusCommand
  | CertificatesCommand
  | CertificateCommand;

/** What `list --json` prints for one service. */
export interface ServiceDescription {
  hosts: string[];
  paths: string[];
  /** `host:port` of writers, then readers. */
  targets: string[];
  rollout_targets: string[];
  state: PauseState;
  tls: boolean;
  rollout: { percentage: number; allowlist: string[] } | null;
  /** A rollout that goes on by itself, or was left at its step; null: there is none. */
  rollout_auto: AutomaticRolloutDescription | null;
  /** Why the service does not work as configured; null when it does. */
  degraded: string | null;
  held_requests: number;
  target_details: TargetDescription[];
  certificates: CertificateDescription[];
  options: Record<string, unknown>;
  /** Where the value of each setting comes from, by the name of its flag. */
  sources: Record<string, SettingSource>;
  /** What was set by hand, by the name of the flag. */
  set: Record<string, unknown>;
  /** Flags of what keeps clients away, and which kamal-proxy would not know. */
  protected_by: string[];
}

/** What a command changes, or would change, of one setting. Durations are texts. */
export interface SettingChange {
  service: string;
  flag: string;
  from: unknown;
  to: unknown;
  source: SettingSource;
}

export interface TargetDescription {
  target: string;
  group: "active" | "rollout";
  read_only: boolean;
  state: "adding" | "healthy" | "unhealthy";
  /** Result of the last failed health check, null when the last one passed. */
  last_error: string | null;
  in_flight: number;
  served: number;
  /** It gets no requests for so long, because it failed some. */
  ejected_for_ms?: number;
}

export interface CertificateDescription {
  /** Server name. */
  name: string;
  source: "file" | "acme" | "on-demand";
  /** ISO date; null: there is none yet. */
  expires: string | null;
  /** Why it could not be had or renewed. */
  error: string | null;
  /** Why an authority may not reach this proxy, as it was seen before the first order. */
  preflight: string | null;
}

/** What `certificates --json` prints for one name of one service. */
export interface CertificateDetails {
  name: string;
  service: string;
  source: CertificateDescription["source"];
  /** Name in the certificate that serves this one when it is another: a wildcard. */
  served_by: string | null;
  issuer: string | null;
  /** Kind and size. */
  key: string | null;
  /** ISO dates. */
  expires: string | null;
  /** Negative behind the end. */
  expires_in_ms: number | null;
  renews: string | null;
  /** Folder or address where it is kept; for files their path. */
  store: string;
  error: string | null;
  /** When that was, an ISO date. */
  error_at: string | null;
  /** Why an authority may not reach this proxy, as it was seen before the first order. */
  preflight: string | null;
}

/** What a command waits for. A client that asks for it is told before the reply. */
export type Progress = WaitingProgress | RolloutProgress;

export type WaitingProgress =
  | {
      waiting_for: "health";
      /** Those that are not healthy yet. */
      targets: WaitingTarget[];
      remaining_ms: number;
    }
  | {
      waiting_for: "drain";
      /** Requests under way. */
      requests: number;
      remaining_ms: number;
    };

export interface WaitingTarget {
  target: string;
  /** Result of the last failed health check, null when none has ended yet. */
  last_error: string | null;
}

export type ServiceDescriptions = Record<string, ServiceDescription>;

/** What the user has to know of a command that has taken effect; each follows `Warning: ` on stderr. */
export type Warnings = readonly string[];

/** What `list --json` says of the workers, when there is more to say than that all serve. */
export type WorkerDescription = SlotDescription | FinishingDescription;

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

/** One that an upgrade has replaced. */
export interface FinishingDescription {
  pid: number;
  state: "finishing";
  /** That are still open. */
  connections: number;
}

export interface UpgradeDescription {
  from: string;
  to: string;
  /** That serve now. */
  workers: number;
}

export type Reply =
  | {
      ok: true;
      status?: ProxyStatus;
      services?: ServiceDescriptions;
      certificates?: CertificateDetails[];
      changes?: SettingChange[];
      warnings?: Warnings;
      workers?: WorkerDescription[];
      upgraded?: UpgradeDescription;
    }
  /** `error` is what follows `Error: ` on the client's stderr. */
  | { ok: false; error: string };
