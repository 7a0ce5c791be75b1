/** All services by name, and their publication to the data plane. */
import type { ServiceOptions } from "../config/options.ts";
import type { Snapshot } from "../seam/snapshot.ts";
import type { ServedServices } from "../seam/data-plane.ts";
import { effectiveOptions, findConflict } from "./root-service.ts";
import { groupsOf, savedService, type Service, serviceSnapshot } from "./service.ts";
import type { BrokenEntry, StateEntry } from "./state/state-entry.ts";
import type { TargetGroup } from "./health/target-group.ts";

export class ServiceRegistry {
  readonly #dataPlane: ServedServices;
  readonly #services = new Map<string, Service>();
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

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  all(): Service[] {
    return [...this.#services.values()];
  }

  /** Entries of the state file that make no service; they are kept as they are. */
  get broken(): readonly BrokenEntry[] {
    return this.#broken;
  }

  findBroken(name: string): BrokenEntry | undefined {
    return this.#broken.find((entry) => entry.name === name);
  }

  findConflict(name: string, options: ServiceOptions): string | undefined {
    return findConflict(this.#services.values(), name, options);
  }

  /** The options that count, with what is inherited from the service at the root of the host. */
  effectiveOptions(service: Service): ServiceOptions {
    return effectiveOptions(service.options, this.#services.values());
  }

  serves(group: TargetGroup): boolean {
    for (const service of this.#services.values()) {
      if (groupsOf(service).includes(group)) return true;
    }
    return false;
  }

  /** Adds or replaces, and publishes. */
  set(service: Service): void {
    this.#services.set(service.name, service);
    this.#broken = this.#broken.filter((entry) => entry.name !== service.name);
    this.publish();
  }

  remove(name: string): void {
    this.#services.delete(name);
    this.#broken = this.#broken.filter((entry) => entry.name !== name);
    this.publish();
  }

  /** Everything that was found in the state file, in one publication. */
  restore(services: Service[], broken: BrokenEntry[]): void {
    for (const service of services) this.#services.set(service.name, service);
    this.#broken = broken;
    this.publish();
  }

  /** Takes its place in the order at once; when it is served, `published` tells. */
  publish(): void {
    this.#revision++;
    const snapshot: Snapshot = {
      revision: this.#revision,
      services: this.all().map((service) =>
        serviceSnapshot(service, this.effectiveOptions(service)),
      ),
    };
    const applied = this.#dataPlane.apply(snapshot);
    this.#published = this.#published.then(() => applied);
  }

  stateEntries(): StateEntry[] {
    const saved = this.all().map((service) => ({
      kind: "service" as const,
      service: savedService(service, this.effectiveOptions(service)),
    }));
    return [...saved, ...this.#broken];
  }
}
