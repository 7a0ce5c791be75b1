/** Host and path look-ups over configured services: conflicts, and what a path inherits from its host. */
import type { ServiceOptions } from "../config/options.ts";

export interface NamedOptions {
  readonly name: string;
  readonly options: ServiceOptions;
}

const rootPath = "/";

/** Name of another service that has one of these hosts with one of these prefixes. */
export function findConflict(
  services: Iterable<NamedOptions>,
  name: string,
  options: ServiceOptions,
): string | undefined {
  const hosts = new Set(options.hosts);
  const prefixes = new Set(options.pathPrefixes);
  for (const other of services) {
    if (other.name === name) continue;
    const shared = other.options.hosts.some((host) => hosts.has(host));
    if (shared && other.options.pathPrefixes.some((prefix) => prefixes.has(prefix))) {
      return other.name;
    }
  }
  return undefined;
}

/**
 * TLS is a matter of the host, so a service below a path has the settings of the service at the root
 * of its first host.
 */
export function effectiveOptions(
  options: ServiceOptions,
  services: Iterable<NamedOptions>,
): ServiceOptions {
  if (options.pathPrefixes.includes(rootPath)) return options;
  const root = rootServiceOf(options.hosts[0] ?? "", [...services]);
  return {
    ...options,
    tlsEnabled: root?.tlsEnabled ?? false,
    tlsRedirect: root?.tlsRedirect ?? true,
  };
}

/** Exact host, then its wildcard, then any host: the first that is configured at all decides. */
function rootServiceOf(host: string, services: NamedOptions[]): ServiceOptions | undefined {
  const dot = host.indexOf(".");
  const candidates = dot > 0 ? [host, `*${host.slice(dot)}`, ""] : [host, ""];
  for (const candidate of candidates) {
    const found = services.filter(({ options }) => options.hosts.includes(candidate));
    if (found.length === 0) continue;
    return found.find(({ options }) => options.pathPrefixes.includes(rootPath))?.options;
  }
  return undefined;
}
