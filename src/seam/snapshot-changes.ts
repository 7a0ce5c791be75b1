/**
 * Snapshots as they cross the seam: the whole to begin with, then what has changed, so that a deploy
 * among thousands of services sends, copies and looks at one.
 */
import type { ServiceSnapshot, Snapshot } from "./snapshot.ts";

export interface SnapshotChanges {
  revision: number;
  /** New ones and changed ones, in the order of the snapshot. */
  changed: ServiceSnapshot[];
  /** Names. */
  removed: string[];
}

export class SnapshotSender {
  #sent = new Map<string, ServiceSnapshot>();

  /** Services that are the same value as before count as unchanged. */
  changesTo({ revision, services }: Snapshot): SnapshotChanges {
    const before = this.#sent;
    const now = new Map(services.map((service) => [service.name, service]));
    this.#sent = now;
    return {
      revision,
      changed: services.filter((service) => before.get(service.name) !== service),
      removed: [...before.keys()].filter((name) => !now.has(name)),
    };
  }
}

export class SnapshotReceiver {
  readonly #services = new Map<string, ServiceSnapshot>();

  /** What has not changed is the same value as in the snapshot before. */
  with({ revision, changed, removed }: SnapshotChanges): Snapshot {
    for (const name of removed) this.#services.delete(name);
    for (const service of changed) this.#services.set(service.name, service);
    return { revision, services: [...this.#services.values()] };
  }
}
