/** The calls of the seam by name, for the conversation between its two ends. */
import { maxHeldRequests } from "../config/limits.ts";
import type { RunOptions } from "../config/run-options.ts";
import type { CertificateChange } from "./certificates.ts";
import type {
  ChallengeAnswer,
  ChallengeRequest,
  DataPlaneSamples,
  ProxyHeaderFault,
  TargetAnswer,
  TargetQuestion,
} from "./data-plane.ts";
import type { CertificateKeyPair } from "./handshake-certificates.ts";
import type { ServiceMetrics } from "./service-metrics.ts";
import type { SnapshotChanges } from "./snapshot-changes.ts";

/** Down to the data plane. */
export interface DataPlaneCalls {
  /** The first one, once. */
  start: { argument: DataPlaneOptions; value: null };
  /** Once, when there is something to serve. */
  listen: { argument: null; value: ListeningPorts };
  apply: { argument: SnapshotChanges; value: null };
  certificates: { argument: CertificateChange; value: null };
  drain: { argument: DrainRequest; value: null };
  samples: { argument: null; value: DataPlaneSamples };
  metrics: { argument: null; value: ServiceMetrics[] };
  askTarget: { argument: TargetQuestion; value: TargetAnswer };
  finish: { argument: { graceMs: number }; value: null };
  /** From now on answers say that their connection ends; new ones still come. */
  leave: { argument: null; value: null };
  /** Requests that are not answered to their end, without tunnels. */
  underWay: { argument: null; value: number };
  /** Takes no more connections; answered when all are gone, tunnels as well, or their time is over. */
  retire: { argument: null; value: null };
  /** How many are open. */
  connections: { argument: null; value: number };
  /** Cuts what is left, and ends. */
  end: { argument: null; value: null };
}

/** Up to the control plane. */
export interface ControlPlaneCalls {
  certificate: { argument: string; value: CertificateKeyPair | null };
  rsaWanted: { argument: string; value: null };
  challenge: { argument: ChallengeRequest; value: ChallengeAnswer | null };
  proxyHeaderFaults: { argument: readonly ProxyHeaderFault[]; value: null };
}

export interface DrainRequest {
  targetIds: readonly string[];
  timeoutMs: number;
}

/** What of the options of `run` concerns who serves. */
export type DataPlaneOptions = Pick<
  RunOptions,
  | "debug"
  | "bind"
  | "httpPort"
  | "httpsPort"
  | "http3"
  | "limits"
  | "bufferMemoryTotalBytes"
  | "usableMemoryBytes"
  | "targetRetryMs"
  | "trustedProxies"
  | "proxyProtocol"
  | "maxConnectionsPerIp"
  | "minTlsVersion"
  | "errorCodes"
  | "appSettings"
  | "publishesHealth"
  | "tracing"
  | "finishTimeoutMs"
> & {
  /** Processes that serve, this one included. */
  workers: number;
  /** HTTP/3 is served here; one does it, and all tell of it. */
  servesHttp3: boolean;
  /** Requests that a paused service may hold here. */
  maxHeldRequests: number;
  /** What is counted by key, such as the requests of one client. */
  rateMemory: RateMemory;
  /** What connections are counted in, and whose counts in it are one's own; null: it is made here. */
  connectionMemory: { descriptor: number; column: number } | null;
  /** Sockets that listen already, by what they are for; null: they are made here. */
  sockets: { http: number; https: number } | null;
};

/**
 * `secret`: a number of 32 bits that keys are counted by.
 *
 * The share of one of so many workers in what is a limit of all together. No secret of the certificate
 * authority goes there.
 */
export function dataPlaneOptions(
  options: RunOptions,
  workers: number,
  secret: number,
): DataPlaneOptions {
  return {
    debug: options.debug,
    bind: options.bind,
    httpPort: options.httpPort,
    httpsPort: options.httpsPort,
    http3: options.http3,
    limits: options.limits,
    bufferMemoryTotalBytes: Math.floor(options.bufferMemoryTotalBytes / workers),
    usableMemoryBytes: options.usableMemoryBytes,
    maxHeldRequests: Math.ceil(maxHeldRequests / workers),
    servesHttp3: options.http3,
    sockets: null,
    connectionMemory: null,
    workers,
    rateMemory: { descriptor: null, secret },
    targetRetryMs: options.targetRetryMs,
    trustedProxies: options.trustedProxies,
    proxyProtocol: options.proxyProtocol,
    maxConnectionsPerIp: options.maxConnectionsPerIp,
    minTlsVersion: options.minTlsVersion,
    errorCodes: options.errorCodes,
    appSettings: options.appSettings,
    publishesHealth: options.publishesHealth,
    tracing: options.tracing,
    finishTimeoutMs: options.finishTimeoutMs,
  };
}

export interface RateMemory {
  /** Of the memory that all workers share; null: it is made here. */
  descriptor: number | null;
  /** The same for all who share it: nobody can look for keys that fall together. */
  secret: number;
}

export interface ListeningPorts {
  http: number;
  https: number;
}
