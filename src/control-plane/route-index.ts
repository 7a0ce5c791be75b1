/** Host and path look-ups over configured services: conflicts, and what a path inherits from its host. */
import { HostMap } from "../config/host-map.ts";
import { inheritedTls, rootPath, servesRoot, type TlsPolicy } from "../config/inherited-tls.ts";
import type { ServiceOptions } from "../config/options.ts";

export interface NamedOptions {
  readonly name: string;
  readonly options: ServiceOptions;
}

/** What another service has already. */
export interface Conflict {
  service: string;
  host: string;
  path: string;
}

export class RouteIndex {
  /** By host, then by path prefix. */
  readonly #hosts = new HostMap<Map<string, NamedOptions>>();

  constructor(services: Iterable<NamedOptions>) {
    for (const { name, options } of services) {
      // Not the service itself, of which newer ones may come and go.
      const service: NamedOptions = { name, options };
      for (const host of options.hosts) {
        const paths = this.#hosts.get(host) ?? new Map<string, NamedOptions>();
        this.#hosts.set(host, paths);
        for (const prefix of options.pathPrefixes) {
          // Of two that a file brought in beside each other the first is served.
          if (!paths.has(prefix)) paths.set(prefix, service);
        }
      }
    }
  }

  /** The first host and path that a service of another name has. */
  conflict(name: string, { hosts, pathPrefixes }: ServiceOptions): Conflict | undefined {
    for (const host of hosts) {
      for (const path of pathPrefixes) {
        const other = this.#hosts.get(host)?.get(path);
        if (other !== undefined && other.name !== name) {
          return { service: other.name, host, path };
        }
      }
    }
    return undefined;
  }

  /** The TLS settings that count for a service: its own, or those of the root of its first host. */
  tlsOf(options: ServiceOptions): TlsPolicy {
    if (servesRoot(options)) return options;
    const root = this.#hosts.lookup(options.hosts[0] ?? "")?.get(rootPath);
    return inheritedTls(root?.options);
  }
}
