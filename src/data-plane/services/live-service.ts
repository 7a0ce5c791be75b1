/** One live service: its options, its gate and its balancers. It outlives the snapshots. */
import { type ClientAuthorities, readClientAuthorities } from "../../config/client-authorities.ts";
import { servesRoot } from "../../config/inherited-tls.ts";
import type { RolloutSplit, ServiceOptions, TargetOptions } from "../../config/options.ts";
import type { PoolSnapshot, ServiceSnapshot } from "../../seam/snapshot.ts";
import type { Fields } from "../../protocols/http/fields.ts";
import { byteString } from "./byte-string.ts";
import { LoadBalancer } from "./load-balancer.ts";
import type { PauseGate } from "./pause-gate.ts";
import { isInRollout } from "./rollout-split.ts";
import { stripDecodedPrefix } from "./routed-path.ts";
import type { Target } from "./target.ts";

/** What clients have to show in their TLS handshake. */
export interface ClientCertificateRule {
  /** Without a certificate nobody is served. */
  readonly required: boolean;
  /** The same object as long as they are the same; null: their file can't be read. */
  readonly authorities: ClientAuthorities | null;
}

/** Gives the live target of each target of a pool. */
export type PoolTargets = (pool: PoolSnapshot) => Target[];

/** One for all services that exclude none: it is in the processor's cache when many are asked in turn. */
const noPaths: ReadonlySet<string> = new Set();

export class LiveService {
  readonly name: string;
  readonly gate: PauseGate;
  #snapshot: ServiceSnapshot;
  #active: LoadBalancer;
  #rollout: LoadBalancer | null = null;
  #split: RolloutSplit | null = null;
  #pathPrefixes: readonly string[] = [];
  #servesRootPath = false;
  #healthCheckPath = "";
  #excludedMetricsPaths = noPaths;
  #authoritiesPem: string | undefined;
  #clientCertificates: ClientCertificateRule | null = null;

  /** The gate is moved by its owner, when routes and targets are in place. */
  constructor(snapshot: ServiceSnapshot, gate: PauseGate, targetsOf: PoolTargets) {
    this.name = snapshot.name;
    this.gate = gate;
    this.#snapshot = snapshot;
    this.#active = new LoadBalancer([]);
    this.update(snapshot, targetsOf);
  }

  get snapshot(): ServiceSnapshot {
    return this.#snapshot;
  }

  get options(): ServiceOptions {
    return this.#snapshot.options;
  }

  get targetOptions(): TargetOptions {
    return this.#snapshot.active.targetOptions;
  }

  /** As byte strings, as requests carry them. */
  get pathPrefixes(): readonly string[] {
    return this.#pathPrefixes;
  }

  get servesRootPath(): boolean {
    return this.#servesRootPath;
  }

  update(snapshot: ServiceSnapshot, targetsOf: PoolTargets): void {
    const { active, rollout, rolloutSplit } = snapshot;
    this.#snapshot = snapshot;
    this.#active = balancer(this.#active, active, targetsOf(active), snapshot.options);
    this.#rollout =
      rollout && balancer(this.#rollout, rollout, targetsOf(rollout), snapshot.options);
    this.#split = rolloutSplit;
    this.#pathPrefixes = snapshot.options.pathPrefixes.map(byteString);
    this.#servesRootPath = servesRoot(snapshot.options);
    const excluded = snapshot.options.excludeMetricsPaths.map(byteString);
    this.#excludedMetricsPaths = excluded.length === 0 ? noPaths : new Set(excluded);
    const { path } = active.targetOptions.healthCheck;
    this.#healthCheckPath = byteString(path.startsWith("/") ? path : `/${path}`);
    this.#clientCertificates = this.#clientCertificateRule(snapshot);
  }

  /** Null: clients are not asked for a certificate. */
  get clientCertificates(): ClientCertificateRule | null {
    return this.#clientCertificates;
  }

  #clientCertificateRule({ options, fileContents }: ServiceSnapshot): ClientCertificateRule | null {
    const { tlsEnabled, tlsClientCaPath, tlsClientAuth } = options;
    if (!tlsEnabled || tlsClientCaPath === "") return null;
    const pem = fileContents[tlsClientCaPath];
    const known = pem === this.#authoritiesPem ? this.#clientCertificates?.authorities : undefined;
    this.#authoritiesPem = pem;
    const authorities = known ?? (pem === undefined ? null : readClientAuthorities(pem));
    return { required: tlsClientAuth === "require", authorities };
  }

  get activeBalancer(): LoadBalancer {
    return this.#active;
  }

  /** By the cookies of the request: the rollout group or all others. */
  balancerFor(request: Fields): LoadBalancer {
    if (this.#rollout === null || this.#split === null) return this.#active;
    return isInRollout(this.#split, request) ? this.#rollout : this.#active;
  }

  /** Whether these are the targets of the rollout; null where there is none. */
  isRollout(group: LoadBalancer): boolean | null {
    return this.#rollout === null ? null : group === this.#rollout;
  }

  /** What is taken off the path before the target sees it; `/` takes nothing off. */
  strippedPrefix(matchedPrefix: string): string {
    return this.options.stripPrefix ? matchedPrefix : "/";
  }

  get excludesMetrics(): boolean {
    return this.#excludedMetricsPaths.size > 0;
  }

  /** By the path that the target sees, decoded. */
  isExcludedFromMetrics(targetPath: string): boolean {
    return this.#excludedMetricsPaths.has(targetPath);
  }

  /** Whether another proxy is asking for our health: answered by us while paused or stopped. */
  isHealthCheck(method: string, decodedPath: string, matchedPrefix: string): boolean {
    if (method !== "GET" && method !== "HEAD") return false;
    const routed = stripDecodedPrefix(decodedPath, this.strippedPrefix(matchedPrefix));
    return routed === this.#healthCheckPath;
  }
}

/** The turns go on when only the health of the targets has changed. */
function balancer(
  previous: LoadBalancer | null,
  pool: PoolSnapshot,
  targets: Target[],
  { balance }: ServiceOptions,
): LoadBalancer {
  const next = previous?.isFor(targets) ? previous : new LoadBalancer(targets);
  const healthy = new Set(pool.targets.filter((target) => target.healthy).map(({ id }) => id));
  next.balance = balance;
  next.setHealthy((target) => healthy.has(target.id));
  return next;
}
