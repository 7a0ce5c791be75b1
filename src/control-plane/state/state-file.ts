/**
 * The content of the state file, in kamal-proxy's format, both ways. Each entry is read on its own,
 * so that a broken one takes no other with it.
 */
import * as v from "valibot";
import type { PauseState, ServiceOptions, TargetOptions } from "../../config/options.ts";
import { deployLayers } from "../../config/setting-layers.ts";
import { type Setting, valuesFault } from "../../config/setting.ts";
import { healthCheckSettings, serviceSettings, targetSettings } from "../../config/settings.ts";
import { invalidTargetText, parseTarget } from "../../config/target-address.ts";
import { normalizeServiceOptions, normalizeTargetOptions } from "../../config/validate-options.ts";
import { msFromNanoseconds, nanosecondsFromMs } from "../../go/duration.ts";
import { parseFirstJson } from "../../lib/first-json.ts";
import { decodeLayers, encodeLayers } from "./layers-codec.ts";
import { decodeSettings, encodeSettings } from "./settings-codec.ts";
import type { SavedService, StateEntry } from "./state-entry.ts";
import {
  modernized,
  type StateEntryJson,
  stateEntrySchema,
  withHealthCheckTimes,
} from "./state-schema.ts";

const pauseStates: readonly PauseState[] = ["running", "paused", "stopped"];

/** Throws when the text as a whole is no list of services. Of two with one name the later counts. */
export function decodeState(text: string): StateEntry[] {
  // Writes that overlap leave the end of a longer one behind in kamal-proxy's file.
  const list = parseFirstJson(text);
  // What Go writes for an empty list that was never filled.
  if (list === null) return [];
  if (!Array.isArray(list)) throw new Error("the file holds no list of services");
  const entries = list.map(decodeEntry);
  const lastIndex = new Map(entries.map((entry, index) => [nameOf(entry) ?? index, index]));
  return entries.filter((entry, index) => lastIndex.get(nameOf(entry) ?? index) === index);
}

export function encodeState(entries: readonly StateEntry[]): string {
  return encodedList(entries.map(encodeEntry));
}

/** One of the list. */
export function encodeEntry(entry: StateEntry): string {
  return JSON.stringify(entry.kind === "service" ? encodeService(entry.service) : entry.raw);
}

export function encodedList(texts: readonly string[]): string {
  return `[${texts.join(",")}]\n`;
}

/** The options in the names and units of the state file. */
export function encodeOptions(options: ServiceOptions): Record<string, unknown> {
  return encodeSettings(serviceSettings, options);
}

export function encodeTargetOptions(options: TargetOptions): Record<string, unknown> {
  return {
    health_check_config: encodeSettings(healthCheckSettings, options.healthCheck),
    ...encodeSettings(targetSettings, options),
  };
}

function encodeService(service: SavedService): Record<string, unknown> {
  const { pause, rolloutSplit } = service;
  return {
    name: service.name,
    options: encodeOptions(service.options),
    target_options: encodeTargetOptions(service.targetOptions),
    // Left out where it is undefined.
    setting_layers: encodeLayers(service.layers),
    active_targets: service.activeTargets,
    active_readers: service.activeReaders,
    rollout_targets: service.rolloutTargets,
    rollout_readers: service.rolloutReaders,
    pause_controller: {
      state: pauseStates.indexOf(pause.state),
      stop_message: pause.stopMessage,
      fail_after: nanosecondsFromMs(pause.failAfterMs),
    },
    rollout_controller: rolloutSplit && {
      percentage: rolloutSplit.percentage,
      percentage_split_point: rolloutSplit.splitPoint,
      // A list that was never filled is null in Go.
      allowlist: rolloutSplit.allowlist.length === 0 ? null : rolloutSplit.allowlist,
    },
    ...(service.rolloutPlan !== null && { rollout_plan: service.rolloutPlan }),
  };
}

function nameOf(entry: StateEntry): string | undefined {
  return entry.kind === "service" ? entry.service.name : entry.name;
}

function decodeEntry(raw: unknown): StateEntry {
  const parsed = v.safeParse(stateEntrySchema, raw, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue);
    const reason = field === null ? issue.message : `${field}: ${issue.message}`;
    return { kind: "broken", name: readName(raw), raw, reason };
  }
  const service = decodeService(modernized(parsed.output));
  const fault = ownFault(service);
  if (fault !== undefined) return { kind: "broken", name: service.name, raw, reason: fault };
  const lists = [service.activeTargets, service.activeReaders];
  lists.push(service.rolloutTargets ?? [], service.rolloutReaders ?? []);
  const wrong = lists.flat().find((address) => parseTarget(address) === undefined);
  if (wrong === undefined) return { kind: "service", service };
  return { kind: "broken", name: service.name, raw, reason: invalidTargetText(wrong) };
}

/** What kamal-proxy has was checked at the deploy, by whatever version, and is served as it is. */
function ownFault({ options, targetOptions }: SavedService): string | undefined {
  return (
    valuesFault(serviceSettings, options, isOwn) ??
    valuesFault(targetSettings, targetOptions, isOwn)
  );
}

function isOwn({ own }: Setting): boolean {
  return own === true;
}

function readName(raw: unknown): string | undefined {
  const hasName = typeof raw === "object" && raw !== null && "name" in raw;
  return hasName && typeof raw.name === "string" && raw.name !== "" ? raw.name : undefined;
}

function decodeService(entry: StateEntryJson): SavedService {
  const hasRollout = entry.rollout_targets.length + entry.rollout_readers.length > 0;
  const pause = entry.pause_controller;
  const split = entry.rollout_controller;
  const options = normalizeServiceOptions(decodeSettings(serviceSettings, entry.options));
  const targetOptions = normalizeTargetOptions(decodeTargetOptions(entry.target_options));
  const layers = entry.setting_layers;
  return {
    name: entry.name,
    options,
    targetOptions,
    layers: layers ? decodeLayers(layers) : deployLayers({ options, targetOptions }, undefined),
    activeTargets: entry.active_targets,
    activeReaders: entry.active_readers,
    rolloutTargets: hasRollout ? entry.rollout_targets : null,
    rolloutReaders: hasRollout ? entry.rollout_readers : null,
    pause: {
      state: pauseStates[pause.state] ?? "running",
      stopMessage: pause.stop_message,
      failAfterMs: msFromNanoseconds(pause.fail_after),
    },
    rolloutSplit: split && {
      percentage: split.percentage,
      splitPoint: split.percentage_split_point,
      allowlist: split.allowlist,
    },
    rolloutPlan: entry.rollout_plan,
  };
}

function decodeTargetOptions(options: StateEntryJson["target_options"]): TargetOptions {
  const healthCheck = decodeSettings(healthCheckSettings, options.health_check_config);
  return {
    healthCheck: withHealthCheckTimes(healthCheck),
    ...decodeSettings(targetSettings, options),
  };
}
