/**
 * The content of the state file, in kamal-proxy's format, both ways. Each entry is read on its own,
 * so that a broken one takes no other with it.
 */
import * as v from "valibot";
import { deployDefaults } from "../../config/defaults.ts";
import type { PauseState, ServiceOptions, TargetOptions } from "../../config/options.ts";
import { invalidTargetText, parseTarget } from "../../config/target-address.ts";
import { normalizeServiceOptions, normalizeTargetOptions } from "../../config/validate-options.ts";
import { msFromNanoseconds, nanosecondsFromMs } from "../../go/duration.ts";
import { parseFirstJson } from "../../lib/first-json.ts";
import { maxGoInteger } from "../../go/number.ts";
import type { SavedService, StateEntry } from "./state-entry.ts";
import { type StateEntryJson, stateEntrySchema } from "./state-schema.ts";

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
  const list = entries.map((entry) =>
    entry.kind === "service" ? encodeService(entry.service) : entry.raw,
  );
  return `${JSON.stringify(list)}\n`;
}

/** The options in the names and units of the state file. */
export function encodeOptions(options: ServiceOptions): Record<string, unknown> {
  return {
    hosts: options.hosts,
    path_prefixes: options.pathPrefixes,
    tls_enabled: options.tlsEnabled,
    tls_certificate_path: options.tlsCertificatePath,
    tls_private_key_path: options.tlsPrivateKeyPath,
    tls_on_demand_url: options.tlsOnDemandUrl,
    tls_redirect: options.tlsRedirect,
    canonical_host: options.canonicalHost,
    acme_directory: options.acmeDirectory,
    acme_cache_path: options.acmeCachePath,
    error_page_path: options.errorPagePath,
    strip_prefix: options.stripPrefix,
    writer_affinity_timeout: nanosecondsFromMs(options.writerAffinityTimeoutMs),
    read_targets_accept_websockets: options.readTargetsAcceptWebsockets,
    exclude_metrics_paths: nullWhenEmpty(options.excludeMetricsPaths),
    client_ip_header: options.clientIpHeader,
  };
}

export function encodeTargetOptions(options: TargetOptions): Record<string, unknown> {
  return {
    health_check_config: {
      path: options.healthCheck.path,
      port: options.healthCheck.port,
      interval: nanosecondsFromMs(options.healthCheck.intervalMs),
      timeout: nanosecondsFromMs(options.healthCheck.timeoutMs),
      host: options.healthCheck.host,
    },
    response_timeout: nanosecondsFromMs(options.responseTimeoutMs),
    buffer_requests: options.bufferRequests,
    buffer_responses: options.bufferResponses,
    max_memory_buffer_size: Math.min(maxGoInteger, options.maxMemoryBufferBytes),
    max_request_body_size: Math.min(maxGoInteger, options.maxRequestBodyBytes),
    max_response_body_size: Math.min(maxGoInteger, options.maxResponseBodyBytes),
    log_request_headers: nullWhenEmpty(options.logRequestHeaders),
    log_response_headers: nullWhenEmpty(options.logResponseHeaders),
    forward_headers: options.forwardHeaders,
    scope_cookie_paths: options.scopeCookiePaths,
  };
}

function encodeService(service: SavedService): Record<string, unknown> {
  const { pause, rolloutSplit } = service;
  return {
    name: service.name,
    options: encodeOptions(service.options),
    target_options: encodeTargetOptions(service.targetOptions),
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
      allowlist: nullWhenEmpty(rolloutSplit.allowlist),
    },
  };
}

/** Lists that were never set are null in Go. */
function nullWhenEmpty(list: string[]): string[] | null {
  return list.length === 0 ? null : list;
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
  const service = decodeService(parsed.output);
  const lists = [service.activeTargets, service.activeReaders];
  lists.push(service.rolloutTargets ?? [], service.rolloutReaders ?? []);
  const wrong = lists.flat().find((address) => parseTarget(address) === undefined);
  if (wrong === undefined) return { kind: "service", service };
  return { kind: "broken", name: service.name, raw, reason: invalidTargetText(wrong) };
}

function readName(raw: unknown): string | undefined {
  const hasName = typeof raw === "object" && raw !== null && "name" in raw;
  return hasName && typeof raw.name === "string" && raw.name !== "" ? raw.name : undefined;
}

function decodeService(entry: StateEntryJson): SavedService {
  const rolloutTargets = firstFilled(entry.rollout_targets, filled([entry.rollout_target]));
  const hasRollout = rolloutTargets.length + entry.rollout_readers.length > 0;
  const pause = entry.pause_controller;
  const split = entry.rollout_controller;
  return {
    name: entry.name,
    options: decodeOptions(entry),
    targetOptions: decodeTargetOptions(entry.target_options),
    activeTargets: firstFilled(entry.active_targets, filled([entry.active_target])),
    activeReaders: entry.active_readers,
    rolloutTargets: hasRollout ? rolloutTargets : null,
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
  };
}

function decodeOptions(entry: StateEntryJson): ServiceOptions {
  const options = entry.options;
  const oldHosts = new Set(filled([entry.host, options.tls_hostname]));
  return normalizeServiceOptions({
    hosts: firstFilled(options.hosts, entry.hosts, [...oldHosts]),
    pathPrefixes: firstFilled(options.path_prefixes, entry.path_prefixes),
    stripPrefix: options.strip_prefix,
    tlsEnabled: options.tls_enabled || options.tls_hostname !== "",
    tlsRedirect: options.tls_redirect,
    tlsCertificatePath: options.tls_certificate_path,
    tlsPrivateKeyPath: options.tls_private_key_path,
    tlsOnDemandUrl: options.tls_on_demand_url,
    canonicalHost: options.canonical_host,
    acmeDirectory: options.acme_directory,
    acmeCachePath: options.acme_cache_path,
    errorPagePath: options.error_page_path,
    writerAffinityTimeoutMs: msFromNanoseconds(options.writer_affinity_timeout),
    readTargetsAcceptWebsockets: options.read_targets_accept_websockets,
    excludeMetricsPaths: options.exclude_metrics_paths,
    clientIpHeader: options.client_ip_header,
  });
}

function decodeTargetOptions(options: StateEntryJson["target_options"]): TargetOptions {
  const check = options.health_check_config;
  return normalizeTargetOptions({
    healthCheck: {
      path: check.path,
      port: check.port,
      host: check.host,
      // Zero would check without a pause, or never pass.
      intervalMs: msFromNanoseconds(check.interval) || deployDefaults.healthCheckIntervalMs,
      timeoutMs: msFromNanoseconds(check.timeout) || deployDefaults.healthCheckTimeoutMs,
    },
    responseTimeoutMs: msFromNanoseconds(options.response_timeout),
    bufferRequests: options.buffer_requests,
    bufferResponses: options.buffer_responses,
    maxMemoryBufferBytes: options.max_memory_buffer_size,
    maxRequestBodyBytes: options.max_request_body_size,
    maxResponseBodyBytes: options.max_response_body_size,
    logRequestHeaders: options.log_request_headers,
    logResponseHeaders: options.log_response_headers,
    forwardHeaders: options.forward_headers,
    scopeCookiePaths: options.scope_cookie_paths,
  });
}

function filled(values: string[]): string[] {
  return values.filter((value) => value !== "");
}

function firstFilled(...lists: string[][]): string[] {
  return lists.find((list) => list.length > 0) ?? [];
}
