/** What the options of a service must fulfil, before a deploy is sent and again before it is done. */
import { maxPort } from "./defaults.ts";
import type { ServiceOptions, TargetOptions } from "./options.ts";
import { parseTlsOnDemandUrl } from "./tls-on-demand-url.ts";

const rootPath = "/";
/** Blanks and what would end the line of the Host field. */
// eslint-disable-next-line no-control-regex
const noHost = /[\u0000-\u0020\u007f]/;

/** The form in which options are compared and saved. Applying it twice changes nothing. */
export function normalizeServiceOptions(options: ServiceOptions): ServiceOptions {
  return {
    ...options,
    hosts: normalizeHosts(options.hosts),
    pathPrefixes: normalizePathPrefixes(options.pathPrefixes),
    canonicalHost: normalizeName(options.canonicalHost),
    writerAffinityTimeoutMs: Math.max(0, options.writerAffinityTimeoutMs),
  };
}

/** A negative limit means none, as zero does. */
export function normalizeTargetOptions(options: TargetOptions): TargetOptions {
  return {
    ...options,
    responseTimeoutMs: Math.max(0, options.responseTimeoutMs),
    maxMemoryBufferBytes: Math.max(0, options.maxMemoryBufferBytes),
    maxRequestBodyBytes: Math.max(0, options.maxRequestBodyBytes),
    maxResponseBodyBytes: Math.max(0, options.maxResponseBodyBytes),
    logRequestHeaders: options.logRequestHeaders.map(canonicalFieldName),
    logResponseHeaders: options.logResponseHeaders.map(canonicalFieldName),
  };
}

/** The complete error text, undefined when all is well. Names are shown as they were given. */
export function validateServiceOptions(options: ServiceOptions): string | undefined {
  const fault = tlsFault(options) ?? canonicalHostFault(options);
  return fault === undefined ? undefined : `service options invalid: ${fault}`;
}

export function validateTargetOptions(options: TargetOptions): string | undefined {
  const { intervalMs, port, host } = options.healthCheck;
  if (!(intervalMs > 0)) return "health-check-interval must be greater than 0s";
  if (port < 0 || port > maxPort) return `health-check-port must be between 0 and ${maxPort}`;
  if (noHost.test(host)) return "health-check-host must not have blanks or control characters";
  return undefined;
}

/** The log and the metrics have the empty name for requests of no service. */
export function validateServiceName(name: string): string | undefined {
  return name === "" ? "the name of the service must not be empty" : undefined;
}

/** For the targets of `deploy` and `rollout deploy`. Readers alone could not take a write. */
export function validateTargets(targets: readonly string[]): string | undefined {
  return targets.length === 0 ? "at least one target must be given" : undefined;
}

export function validatePercentage(percentage: number): string | undefined {
  return percentage >= 0 && percentage <= 100 ? undefined : "percent must be between 0 and 100";
}

function tlsFault(options: ServiceOptions): string | undefined {
  if (!options.tlsEnabled) {
    return options.tlsOnDemandUrl === ""
      ? undefined
      : "TLS must be enabled to use a TLS on-demand URL";
  }
  const fault = options.tlsOnDemandUrl === "" ? hostsFault(options) : onDemandFault(options);
  if (fault !== undefined) return fault;
  if (!normalizePathPrefixes(options.pathPrefixes).includes(rootPath)) {
    return "TLS settings must be specified on the root path service";
  }
  return undefined;
}

function hostsFault(options: ServiceOptions): string | undefined {
  return hasOnlyNamedHosts(options) ? undefined : "host must be set when using TLS";
}

function onDemandFault(options: ServiceOptions): string | undefined {
  if (hasOnlyNamedHosts(options)) return "cannot set hosts when using a TLS on-demand URL";
  if (options.tlsCertificatePath !== "" || options.tlsPrivateKeyPath !== "") {
    return "cannot use a custom TLS certificate with a TLS on-demand URL";
  }
  if (options.canonicalHost !== "") {
    return "cannot set a canonical host when using a TLS on-demand URL";
  }
  const parsed = parseTlsOnDemandUrl(options.tlsOnDemandUrl);
  return "error" in parsed ? parsed.error : undefined;
}

function canonicalHostFault(options: ServiceOptions): string | undefined {
  const { canonicalHost, hosts } = options;
  const names = normalizeHosts(hosts);
  if (canonicalHost === "" || names[0] === "") return undefined;
  if (names.includes(withoutBrackets(normalizeName(canonicalHost)))) return undefined;
  return `canonical-host '${canonicalHost}' must be present in the hosts list: [${hosts.join(" ")}]`;
}

function hasOnlyNamedHosts(options: ServiceOptions): boolean {
  return options.hosts.length > 0 && !options.hosts.includes("");
}

function normalizeHosts(hosts: readonly string[]): string[] {
  return hosts.length === 0 ? [""] : hosts.map((host) => withoutBrackets(normalizeName(host)));
}

/** An IPv6 address: requests write it in brackets, but only for the port that may follow. */
function withoutBrackets(name: string): string {
  return /^\[.*\]$/.test(name) ? name.slice(1, -1) : name;
}

/** Lower case, without the final dot of a full name. */
function normalizeName(name: string): string {
  return name.toLowerCase().replace(/(?<=[^.])\.$/, "");
}

function normalizePathPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return [rootPath];
  return prefixes.map((prefix) => `/${prefix.replace(/^\/+/, "").replace(/\/+$/, "")}`);
}

/** `x-request-id` → `X-Request-Id`; what is no field name stays as it is. */
function canonicalFieldName(name: string): string {
  if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (part) => part.toUpperCase());
}
