/** The services as they are served now: turns each snapshot into live services and targets. */
import { maxHeldRequests } from "../../config/limits.ts";
import { inheritedTls, type TlsPolicy } from "../../config/inherited-tls.ts";
import type { DataPlaneSamples } from "../../seam/data-plane.ts";
import type { PoolSnapshot, Snapshot } from "../../seam/snapshot.ts";
import type { Clock } from "../../lib/clock.ts";
import { PauseGate } from "./pause-gate.ts";
import { type ClientCertificateRule, LiveService } from "./live-service.ts";
import { ServiceMap, type ServiceMatch } from "./service-map.ts";
import { Target, type TransportFactory } from "./target.ts";

export interface LiveServicesOptions {
  clock: Clock;
  createTransport: TransportFactory;
  /** Of each paused service. */
  maxHeld?: number;
}

export class LiveServices {
  readonly #clock: Clock;
  readonly #createTransport: TransportFactory;
  readonly #maxHeld: number;
  #services = new Map<string, LiveService>();
  #routes = new ServiceMap<LiveService>([]);
  /** Those of the snapshot, and retired ones until their last request has ended. */
  readonly #targets = new Map<string, Target>();

  constructor(options: LiveServicesOptions) {
    this.#clock = options.clock;
    this.#createTransport = options.createTransport;
    this.#maxHeld = options.maxHeld ?? maxHeldRequests;
  }

  /** The host without port, normalised; the path decoded. */
  lookup(hostName: string, decodedPath: string): ServiceMatch<LiveService> | undefined {
    return this.#routes.lookup(hostName, decodedPath);
  }

  get(name: string): LiveService | undefined {
    return this.#services.get(name);
  }

  /** A service below a path follows the service at the root of the host that was asked for. */
  tlsPolicy(service: LiveService, hostName: string): TlsPolicy {
    if (service.servesRootPath) return service.options;
    return inheritedTls(this.lookup(hostName, "/")?.value.options);
  }

  /** The same of client certificates; null: none is asked for. */
  clientCertificates(service: LiveService, hostName: string): ClientCertificateRule | null {
    if (service.servesRootPath) return service.clientCertificates;
    return this.clientCertificatesOf(hostName);
  }

  /** For a handshake, which knows the name alone. */
  clientCertificatesOf(hostName: string): ClientCertificateRule | null {
    return this.lookup(hostName, "/")?.value.clientCertificates ?? null;
  }

  apply(snapshot: Snapshot): void {
    const currentIds = new Set<string>();
    const targetsOf = (pool: PoolSnapshot): Target[] => {
      for (const { id } of pool.targets) currentIds.add(id);
      return this.#liveTargets(pool);
    };
    const previous = this.#services;
    const services = new Map<string, LiveService>();
    for (const service of snapshot.services) {
      let live = previous.get(service.name);
      if (live?.snapshot === service) {
        for (const pool of [service.active, service.rollout]) {
          for (const { id } of pool?.targets ?? []) currentIds.add(id);
        }
      } else if (live === undefined) {
        live = new LiveService(service, new PauseGate(this.#clock, this.#maxHeld), targetsOf);
      } else {
        live.update(service, targetsOf);
      }
      services.set(service.name, live);
    }
    this.#services = services;
    this.#routes = new ServiceMap(routesOf(services.values()));
    this.#retireAllBut(currentIds);
    // Gates come last: what they let go must find the new routes and targets.
    for (const service of services.values()) service.gate.update(service.snapshot.pause);
    for (const [name, service] of previous) {
      if (!services.has(name)) service.gate.close();
    }
  }

  async drain(targetIds: readonly string[], timeoutMs: number): Promise<void> {
    await Promise.all(targetIds.map((id) => this.#targets.get(id)?.inFlight.drain(timeoutMs)));
  }

  samples(): DataPlaneSamples {
    const targets: DataPlaneSamples["targets"] = {};
    for (const target of this.#targets.values()) {
      const { inFlight, served, ejectedForMs } = target;
      targets[target.id] = {
        inFlight: inFlight.count,
        served,
        ...(ejectedForMs > 0 && { ejectedForMs }),
      };
    }
    const held: DataPlaneSamples["held"] = {};
    for (const service of this.#services.values()) held[service.name] = service.gate.heldCount;
    return { targets, held };
  }

  /** The end: nothing is routed any more, held requests are answered, idle connections closed. */
  close(): void {
    const services = this.#services;
    this.#services = new Map();
    this.#routes = new ServiceMap<LiveService>([]);
    this.#retireAllBut(new Set());
    for (const service of services.values()) service.gate.close();
  }

  #liveTargets(pool: PoolSnapshot): Target[] {
    return pool.targets.map((snapshot) => {
      const known = this.#targets.get(snapshot.id);
      if (known !== undefined && !known.retired) {
        known.configure(pool.targetOptions);
        return known;
      }
      const target = new Target(snapshot, pool.targetOptions, this.#createTransport, this.#clock);
      this.#targets.set(target.id, target);
      return target;
    });
  }

  #retireAllBut(currentIds: ReadonlySet<string>): void {
    for (const target of this.#targets.values()) {
      if (currentIds.has(target.id) || target.retired) continue;
      target.retire();
      target.inFlight.onIdle = () => this.#forget(target);
      if (target.inFlight.count === 0) this.#forget(target);
    }
  }

  #forget(target: Target): void {
    // The same id may have come back as a new target.
    if (this.#targets.get(target.id) === target) this.#targets.delete(target.id);
  }
}

function* routesOf(services: Iterable<LiveService>) {
  for (const service of services) {
    yield { value: service, hosts: service.options.hosts, pathPrefixes: service.pathPrefixes };
  }
}
