/** Every command that can be sent over the control socket, and its reply. */
import type { PauseState, ServiceOptions, TargetOptions } from "../../config/options.ts";
import type { ProxyStatus, SlotDescription } from "./status-protocol.ts";
import type { CertificateDetails, CertificateSource } from "../certificates/certificate-details.ts";
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
  /** Where it is asked for its health, and as which host; null: by gRPC. */
  health_url: string | null;
  health_host: string;
  /** It gets no requests for so long, because it failed some. */
  ejected_for_ms?: number;
}

export interface CertificateDescription {
  /** Server name. */
  name: string;
  source: CertificateSource;
  /** ISO date; null: there is none yet. */
  expires: string | null;
  /** Why it could not be had or renewed. */
  error: string | null;
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
