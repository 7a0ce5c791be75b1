/**
 * The seam between the planes: all that crosses it, downwards and upwards. Nothing but these calls and
 * JSON-like values; whoever calls waits for the answer, because the other side may be another process.
 */
import type { CertificateChange } from "./certificates.ts";
import type { CertificateKeyPair } from "./handshake-certificates.ts";
import type { ServiceMetrics } from "./service-metrics.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the control plane asks of whoever serves. */
export interface DataPlane {
  /**
   * Resolves when the snapshot is served: the switch is atomic, and replaced targets take no new
   * requests. Snapshots arrive in the order in which they were handed over.
   */
  apply(snapshot: Snapshot): Promise<void>;
  /** Resolves when handshakes are answered with it. */
  certificates(change: CertificateChange): Promise<void>;
  /**
   * Resolves when no request is under way on these targets. Tunnels are closed at once; what is
   * still under way after `timeoutMs` is cancelled (504, or a cut when the response had begun).
   * Unknown ids count as drained.
   */
  drain(targetIds: readonly string[], timeoutMs: number): Promise<void>;
  samples(): Promise<DataPlaneSamples>;
  metrics(): Promise<ServiceMetrics[]>;
  /** Asks a target of a service, as the proxy itself: no redirect, no log line, no pause. */
  askTarget(question: TargetQuestion, signal: AbortSignal): Promise<TargetAnswer>;
  /** From now on answers say that their connection ends; new ones still come. */
  leave(): Promise<void>;
  /** Requests that are not answered to their end, without tunnels. */
  underWay(): Promise<number>;
  /**
   * Takes no more connections; resolves when every request under way is answered. Connections without a
   * request are closed after `graceMs`: who has connected just now may still ask.
   */
  finish(graceMs: number): Promise<void>;
}

/** What the commands need of it. */
export type ServedServices = Pick<DataPlane, "apply" | "drain" | "samples" | "metrics">;

/** What the data plane asks of the control plane. */
export interface DataPlaneQuestions {
  /** The certificate for a server name that was not pushed down; null: the handshake is refused. */
  certificate(name: string): Promise<CertificateKeyPair | null>;
  /** A client of the name takes no ECDSA. Resolves when there is an RSA certificate for it, or none can be had. */
  rsaWanted(name: string): Promise<void>;
  /** The answer to HTTP-01 (RFC 8555 8.3); null: an ordinary request. */
  challenge(request: ChallengeRequest): Promise<ChallengeAnswer | null>;
  /** No question: trusted peers whose connections were closed. One entry a peer. */
  proxyHeaderFaults(faults: readonly ProxyHeaderFault[]): Promise<void>;
}

/** Connections of a trusted peer that began without a valid PROXY header. */
export interface ProxyHeaderFault {
  /** Its address. */
  peer: string;
  /** Of the last one. */
  reason: string;
  connections: number;
}

export interface DataPlaneSamples {
  /** By target id. */
  targets: Record<string, TargetSample>;
  /** Requests held by a pause, by service. */
  held: Record<string, number>;
  /** Not given where nobody collects spans. */
  spans?: SpanCounts;
}

/** Spans that a collector has got, and those that nobody has. */
export interface SpanCounts {
  exported: number;
  dropped: number;
}

export interface TargetSample {
  inFlight: number;
  served: number;
  /** It gets no requests for so long, because it failed some. */
  ejectedForMs?: number;
}

/** GET of `pathAndQuery` with that Host. */
export interface TargetQuestion {
  service: string;
  pathAndQuery: string;
  host: string;
}

export interface TargetAnswer {
  status: number;
  /** Its first bytes, as text. */
  body: string;
}

export interface ChallengeRequest {
  /** Without port. */
  hostName: string;
  path: string;
}

export interface ChallengeAnswer {
  status: number;
  body: string;
}
