/**
 * One entry of the state file as JSON. Lists and scalars may be missing or null, as Go reads them;
 * another type is an error of this entry alone. Where the file is not simply what the tables of settings
 * say, because older versions wrote something else, it is spelled out here and nowhere else.
 */
import * as v from "valibot";
import type { HealthCheckOptions } from "../../config/options.ts";
import { rolloutPlanFault } from "../../config/rollout-plan.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../config/settings.ts";
import { stateEntries } from "./settings-codec.ts";

const text = v.nullish(v.string(), "");
const number = v.nullish(v.number(), 0);
const texts = v.nullish(v.array(v.string()), []);

const options = v.object({
  ...stateEntries(serviceSettings),
  // Absent before v0.8.7, which always redirected.
  tls_redirect: v.nullish(v.boolean(), true),
  // v0.1 to v0.5.
  tls_hostname: text,
});

const targetOptions = v.object({
  health_check_config: v.nullish(v.object(stateEntries(healthCheckSettings)), {}),
  ...stateEntries(targetSettings),
});

const rolloutPlan = v.pipe(
  v.object({
    steps: v.array(v.number()),
    everyMs: v.number(),
    maxErrorRate: v.number(),
    maxP95: v.number(),
    minRequests: v.number(),
    promote: v.boolean(),
    drainTimeoutMs: v.number(),
    step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
  v.check((plan) => rolloutPlanFault(plan) === undefined && plan.step < plan.steps.length),
);

export const stateEntrySchema = v.object({
  name: v.pipe(v.string(), v.nonEmpty("the name is empty")),
  options: v.nullish(options, {}),
  target_options: v.nullish(targetOptions, {}),
  // Only here.
  setting_layers: v.nullish(v.record(v.string(), v.unknown())),
  active_targets: texts,
  active_readers: texts,
  rollout_targets: texts,
  rollout_readers: texts,
  pause_controller: v.nullish(
    v.object({ state: number, stop_message: text, fail_after: number }),
    {},
  ),
  rollout_controller: v.nullish(
    v.object({ percentage: number, percentage_split_point: number, allowlist: texts }),
    null,
  ),
  // Only here, and only while a rollout goes on by itself; durations in milliseconds.
  rollout_plan: v.fallback(v.nullish(rolloutPlan, null), null),
  // Up to v0.8: one target each, hosts and prefixes beside the options. v0.1 to v0.5: one host.
  active_target: text,
  rollout_target: text,
  host: text,
  hosts: texts,
  path_prefixes: texts,
});

export type StateEntryJson = v.InferOutput<typeof stateEntrySchema>;

/** The same entry with what is in old places in the present ones. */
export function modernized(entry: StateEntryJson): StateEntryJson {
  const { options: json } = entry;
  const oldHosts = new Set(filled([entry.host, json.tls_hostname]));
  return {
    ...entry,
    options: {
      ...json,
      hosts: firstFilled(json.hosts, entry.hosts, [...oldHosts]),
      path_prefixes: firstFilled(json.path_prefixes, entry.path_prefixes),
      tls_enabled: json.tls_enabled || json.tls_hostname !== "",
    },
    active_targets: firstFilled(entry.active_targets, filled([entry.active_target])),
    rollout_targets: firstFilled(entry.rollout_targets, filled([entry.rollout_target])),
  };
}

/** Without them it would check without a pause, or never pass. */
export function withHealthCheckTimes(options: HealthCheckOptions): HealthCheckOptions {
  return {
    ...options,
    intervalMs: options.intervalMs || healthCheckSettings.intervalMs.fallback,
    timeoutMs: options.timeoutMs || healthCheckSettings.timeoutMs.fallback,
  };
}

function filled(values: string[]): string[] {
  return values.filter((value) => value !== "");
}

function firstFilled(...lists: string[][]): string[] {
  return lists.find((list) => list.length > 0) ?? [];
}
