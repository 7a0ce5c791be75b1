/** What `list` says about each service. */
import { type AllOptions, protectingFlags, sourcesOf } from "../config/setting-layers.ts";
import type { ServiceOptions } from "../config/options.ts";
import { shownValues } from "../config/setting.ts";
import { serviceSettings } from "../config/settings.ts";
import type { DataPlaneSamples } from "../seam/data-plane.ts";
import type { AutomaticRolloutDescription } from "./socket/rollout-protocol.ts";
import type {
  CertificateDescription,
  ServiceDescription,
  ServiceDescriptions,
  TargetDescription,
} from "./socket/protocol.ts";
import type { DeployedService, PlannedRollout } from "./deployed-service.ts";
import type { ServiceRegistry } from "./service-registry.ts";
import type { BrokenEntry } from "./state/state-entry.ts";
import { shownJson } from "../config/setting-json.ts";
import { namedValuesJson } from "./state/layers-codec.ts";
import { encodeOptions, encodeTargetOptions } from "./state/state-file.ts";
import { healthEndpoint, type HealthEndpoint } from "./health/health-endpoint.ts";
import type { TargetGroup } from "./health/target-group.ts";

/** The certificates of a service, known to whoever obtains them. */
export type DescribeCertificates = (service: string) => CertificateDescription[];

/** What others know of a service. */
export interface KnownOfServices {
  certificatesOf: DescribeCertificates;
  /** Whether a command follows the rollout of the service. */
  isFollowed(service: string): boolean;
}

export function describeServices(
  registry: ServiceRegistry,
  samples: DataPlaneSamples,
  known: KnownOfServices,
): ServiceDescriptions {
  const broken = registry.broken.map(
    (entry, index) => [entry.name ?? `(entry ${index + 1})`, describeBroken(entry)] as const,
  );
  const services = registry.all().map((service) => {
    return [service.name, describe(service, registry, samples, known)] as const;
  });
  return Object.fromEntries([...broken, ...services]);
}

function describe(
  service: DeployedService,
  registry: ServiceRegistry,
  samples: DataPlaneSamples,
  { certificatesOf, isFollowed }: KnownOfServices,
): ServiceDescription {
  const { active, rollout, rolloutSplit, pause } = service;
  const options = registry.effectiveOptions(service);
  return {
    hosts: options.hosts,
    paths: options.pathPrefixes,
    targets: addresses(active),
    rollout_targets: rollout === null ? [] : addresses(rollout),
    state: pause.state,
    tls: options.tlsEnabled,
    rollout: rolloutSplit && {
      percentage: rolloutSplit.percentage,
      allowlist: rolloutSplit.allowlist,
    },
    rollout_auto: describePlan(service.rolloutPlan, isFollowed(service.name)),
    degraded: service.degraded ?? healthFault(active),
    held_requests: samples.held[service.name] ?? 0,
    target_details: [
      ...describeTargets(active, "active", samples),
      ...(rollout === null ? [] : describeTargets(rollout, "rollout", samples)),
    ],
    certificates: certificatesOf(service.name),
    ...settingsOf(service, options),
  };
}

type SettingsDescription = Pick<ServiceDescription, "options" | "sources" | "set" | "protected_by">;

/** Most of what is said, and of a service that has not changed the same again. */
const knownSettings = new WeakMap<
  DeployedService,
  { all: AllOptions; description: SettingsDescription }
>();

/** `options`: those that count, which may change without the service. */
function settingsOf(service: DeployedService, options: ServiceOptions): SettingsDescription {
  const { layers, active } = service;
  const { targetOptions } = active;
  const known = knownSettings.get(service);
  if (known?.all.options === options && known.all.targetOptions === targetOptions) {
    return known.description;
  }
  const all = { options, targetOptions };
  const description = {
    options: {
      ...encodeOptions(shownValues(serviceSettings, options)),
      target_options: encodeTargetOptions(targetOptions),
    },
    sources: sourcesOf(layers),
    set: namedValuesJson(layers.set, shownJson),
    protected_by: protectingFlags(all),
  };
  knownSettings.set(service, { all, description });
  return description;
}

function describePlan(
  plan: PlannedRollout | null,
  followed: boolean,
): AutomaticRolloutDescription | null {
  if (plan === null) return null;
  const { steps, step, everyMs, maxErrorRate, maxP95, minRequests, promote } = plan;
  return {
    steps,
    step,
    every_ms: everyMs,
    max_error_rate: maxErrorRate,
    max_p95: maxP95,
    min_requests: minRequests,
    promote,
    followed,
  };
}

function addresses(group: TargetGroup): string[] {
  return [...group.addresses(false), ...group.addresses(true)];
}

/** Without a healthy writer most requests are answered 503. */
function healthFault(group: TargetGroup): string | null {
  const writers = group.targets.filter((target) => !target.readOnly);
  if (writers.some((target) => target.state === "healthy")) return null;
  const reasons = writers.map(
    ({ address, lastError }) => `${address.address} ${lastError ?? "was not checked yet"}`,
  );
  return ["no healthy target", ...reasons].join("; ");
}

function describeTargets(
  group: TargetGroup,
  name: TargetDescription["group"],
  samples: DataPlaneSamples,
): TargetDescription[] {
  const { healthCheck } = group.targetOptions;
  return group.targets.map((target) => ({
    ...healthPlace(healthEndpoint(target.address, healthCheck)),
    target: target.address.address,
    group: name,
    read_only: target.readOnly,
    state: target.state,
    last_error: target.lastError,
    in_flight: samples.targets[target.id]?.inFlight ?? 0,
    served: samples.targets[target.id]?.served ?? 0,
    ...ejection(samples.targets[target.id]?.ejectedForMs),
  }));
}

function healthPlace({
  protocol,
  url,
  hostField,
}: HealthEndpoint): Pick<TargetDescription, "health_url" | "health_host"> {
  return { health_url: protocol === "grpc" ? null : url, health_host: hostField };
}

function ejection(forMs: number | undefined): Pick<TargetDescription, "ejected_for_ms"> {
  return forMs === undefined ? {} : { ejected_for_ms: Math.round(forMs) };
}

function describeBroken(entry: BrokenEntry): ServiceDescription {
  return {
    hosts: [],
    paths: [],
    targets: [],
    rollout_targets: [],
    state: "running",
    tls: false,
    rollout: null,
    rollout_auto: null,
    degraded: `could not be restored from the saved state: ${entry.reason}`,
    held_requests: 0,
    target_details: [],
    certificates: [],
    options: {},
    sources: {},
    set: {},
    protected_by: [],
  };
}
