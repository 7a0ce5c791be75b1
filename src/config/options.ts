/**
 * The options of a service, as a deploy sets them. Durations are milliseconds.
 * The names follow kamal-proxy's flags; control/state-file maps them to the state file's keys.
 */

export interface ServiceOptions {
  /** Host names, lower case, no final dot; `[""]` means any host. */
  hosts: string[];
  /** Each begins with a slash and has none at its end, except `/` itself. */
  pathPrefixes: string[];
  stripPrefix: boolean;
  tlsEnabled: boolean;
  tlsRedirect: boolean;
  tlsCertificatePath: string;
  tlsPrivateKeyPath: string;
  tlsOnDemandUrl: string;
  canonicalHost: string;
  /** Empty: the default directory. */
  acmeDirectory: string;
  acmeCachePath: string;
  errorPagePath: string;
  writerAffinityTimeoutMs: number;
  readTargetsAcceptWebsockets: boolean;
  excludeMetricsPaths: string[];
  clientIpHeader: string;
}

export interface HealthCheckOptions {
  path: string;
  /** 0: the target's own port. */
  port: number;
  /** Host field of the check; empty: the target's address. */
  host: string;
  intervalMs: number;
  timeoutMs: number;
}

export interface TargetOptions {
  healthCheck: HealthCheckOptions;
  /** From the end of the request to the end of the response head; 0 means none. */
  responseTimeoutMs: number;
  bufferRequests: boolean;
  bufferResponses: boolean;
  /** Bytes of one body kept in memory before it spills to a file. */
  maxMemoryBufferBytes: number;
  /** 0 means no limit. */
  maxRequestBodyBytes: number;
  /** 0 means no limit. */
  maxResponseBodyBytes: number;
  logRequestHeaders: string[];
  logResponseHeaders: string[];
  forwardHeaders: boolean;
  scopeCookiePaths: boolean;
}

export type PauseState = "running" | "paused" | "stopped";

export interface Pause {
  state: PauseState;
  /** Shown by the 503 page of a stopped service. */
  stopMessage: string;
  /** How long a request may be held while paused. */
  failAfterMs: number;
}

export interface RolloutSplit {
  percentage: number;
  /** Hashes up to this value belong to the rollout group. */
  splitPoint: number;
  allowlist: string[];
}
