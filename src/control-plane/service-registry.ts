/** All services by name, and their publication to the data plane. */
import type { TlsPolicy } from "../config/inherited-tls.ts";
import type { ServiceOptions } from "../config/options.ts";
import type { ServedServices } from "../seam/data-plane.ts";
import type { ServiceSnapshot, Snapshot } from "../seam/snapshot.ts";
import { type Conflict, RouteIndex } from "./route-index.ts";
import { savedService, type DeployedService, serviceSnapshot } from "./deployed-service.ts";
import type { BrokenEntry, StateEntry } from "./state/state-entry.ts";
import type { TargetGroup } from "./health/target-group.ts";

interface DerivedValues {
  /** What the options were made with. */
  routes: RouteIndex;
  /** With the TLS settings that count. */
  options: ServiceOptions;
  snapshot: ServiceSnapshot | null;
  entry: StateEntry | null;
}

export class ServiceRegistry {
  readonly #dataPlane: ServedServices;
  readonly #services = new Map<string, DeployedService>();
  /** Of the services as they are, as far as routes go; null: to be made anew. */
  #routes: RouteIndex | null = null;
  /** What was made of each service, so that a change of one costs nothing for the others. */
  readonly #derived = new WeakMap<DeployedService, DerivedValues>();
  #broken: BrokenEntry[] = [];
  #revision = 0;
  #published: Promise<void> = Promise.resolve();

  constructor(dataPlane: ServedServices) {
    this.#dataPlane = dataPlane;
  }

  /** Resolves when everything that was published so far is served. */
  get published(): Promise<void> {
    return this.#published;
  }

  get(name: string): DeployedService | undefined {
    return this.#services.get(name);
  }

  all(): DeployedService[] {
    return [...this.#services.values()];
  }

  /** Entries of the state file that make no service; they are kept as they are. */
  get broken(): readonly BrokenEntry[] {
    return this.#broken;
  }

  findBroken(name: string): BrokenEntry | undefined {
    return this.#broken.find((entry) => entry.name === name);
  }

  findConflict(name: string, options: ServiceOptions): Conflict | undefined {
    return this.#routeIndex.conflict(name, options);
  }

  /** The options that count, with what is inherited from the service at the root of the host. */
  effectiveOptions(service: DeployedService): ServiceOptions {
    return this.#derive(service).options;
  }

  /** The service whose targets they are; undefined: none any more, or not yet. */
  serviceOf(group: TargetGroup): DeployedService | undefined {
    for (const service of this.#services.values()) {
      if (service.active === group || service.rollout === group) return service;
    }
    return undefined;
  }

  /** Adds or replaces, and publishes. */
  set(service: DeployedService): void {
    const previous = this.#services.get(service.name);
    if (previous === undefined || !areRoutesAlike(previous.options, service.options)) {
      this.#routes = null;
    }
    this.#services.set(service.name, service);
    this.#broken = this.#broken.filter((entry) => entry.name !== service.name);
    this.publish();
  }

  remove(name: string): void {
    this.#services.delete(name);
    this.#routes = null;
    this.#broken = this.#broken.filter((entry) => entry.name !== name);
    this.publish();
  }

  /** Everything that was found in the state file, in one publication. */
  restore(services: DeployedService[], broken: BrokenEntry[]): void {
    for (const service of services) this.#services.set(service.name, service);
    this.#routes = null;
    this.#broken = broken;
    this.publish();
  }

  /** Takes its place in the order at once; when it is served, `published` tells. */
  publish(): void {
    this.#revision++;
    const snapshot: Snapshot = {
      revision: this.#revision,
      services: this.all().map((service) => this.#snapshotOf(service)),
    };
    const applied = this.#dataPlane.apply(snapshot);
    this.#published = this.#published.then(() => applied);
  }

  stateEntries(): StateEntry[] {
    const saved = this.all().map((service) => this.#entryOf(service));
    return [...saved, ...this.#broken];
  }

  get #routeIndex(): RouteIndex {
    this.#routes ??= new RouteIndex(this.#services.values());
    return this.#routes;
  }

  #derive(service: DeployedService): DerivedValues {
    const routes = this.#routeIndex;
    const known = this.#derived.get(service);
    if (known?.routes === routes) return known;
    const tls = routes.tlsOf(service.options);
    if (known !== undefined && hasTls(known.options, tls)) {
      known.routes = routes;
      return known;
    }
    const { options: own } = service;
    const { tlsEnabled, tlsRedirect } = tls;
    const options = hasTls(own, tls) ? own : { ...own, tlsEnabled, tlsRedirect };
    const derived: DerivedValues = { routes, options, snapshot: null, entry: null };
    this.#derived.set(service, derived);
    return derived;
  }

  /** The same value as long as nothing of it has changed. */
  #snapshotOf(service: DeployedService): ServiceSnapshot {
    const derived = this.#derive(service);
    const { snapshot } = derived;
    const isCurrent =
      snapshot?.active === service.active.snapshot() &&
      snapshot.rollout === (service.rollout?.snapshot() ?? null);
    if (!isCurrent) derived.snapshot = serviceSnapshot(service, derived.options);
    return derived.snapshot!;
  }

  #entryOf(service: DeployedService): StateEntry {
    const derived = this.#derive(service);
    derived.entry ??= { kind: "service", service: savedService(service, derived.options) };
    return derived.entry;
  }
}

function hasTls(options: ServiceOptions, { tlsEnabled, tlsRedirect }: TlsPolicy): boolean {
  return options.tlsEnabled === tlsEnabled && options.tlsRedirect === tlsRedirect;
}

/** A service of the other options in the place of the one changes nothing for any other. */
function areRoutesAlike(a: ServiceOptions, b: ServiceOptions): boolean {
  return hasTls(a, b) && isSameList(a.hosts, b.hosts) && isSameList(a.pathPrefixes, b.pathPrefixes);
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
