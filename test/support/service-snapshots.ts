/** Snapshots of services with sensible defaults, and transports that only take notes. */
import type { ServiceOptions, TargetOptions } from "../../src/config/options.ts";
import type {
  PoolSnapshot,
  ServiceSnapshot,
  Snapshot,
  TargetSnapshot,
} from "../../src/seam/snapshot.ts";
import type { Transport } from "../../src/data-plane/upstream/transport.ts";
import type { UpstreamCall } from "../../src/data-plane/upstream/upstream-request.ts";
import { serviceOptions, targetOptions } from "./service-options.ts";

/** A healthy writer with that id, unless told otherwise. */
export function targetSnapshot(id: string, changes: Partial<TargetSnapshot> = {}): TargetSnapshot {
  return {
    id,
    address: `${id}:80`,
    host: id,
    port: 80,
    readOnly: false,
    healthy: true,
    ...changes,
  };
}

export function poolSnapshot(
  targets: (string | TargetSnapshot)[],
  options: TargetOptions = targetOptions(),
): PoolSnapshot {
  return {
    targets: targets.map((target) =>
      typeof target === "string" ? targetSnapshot(target) : target,
    ),
    targetOptions: options,
  };
}

export function serviceSnapshot(
  name: string,
  {
    options,
    ...changes
  }: Partial<Omit<ServiceSnapshot, "options">> & {
    options?: Partial<ServiceOptions>;
  } = {},
): ServiceSnapshot {
  return {
    name,
    options: serviceOptions({ hosts: [""], pathPrefixes: ["/"], ...options }),
    active: poolSnapshot([`${name}-1`]),
    rollout: null,
    pause: { state: "running", stopMessage: "", failAfterMs: 0 },
    rolloutSplit: null,
    errorPages: null,
    fileContents: {},
    ...changes,
  };
}

let revision = 0;

export function snapshot(...services: ServiceSnapshot[]): Snapshot {
  revision++;
  return { revision, services };
}

/** For what chooses between targets: nothing can be sent over it. */
export class FakeTransport implements Transport {
  readonly authority: string;
  retired = 0;

  constructor(host: string, port: number) {
    this.authority = `${host}:${port}`;
  }

  send(): UpstreamCall {
    throw new Error(`nothing is sent to ${this.authority}`);
  }

  retire(): void {
    this.retired++;
  }
}
