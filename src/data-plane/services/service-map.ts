/** Which service a request belongs to: by host, then by the longest matching path prefix. */
import { HostMap } from "../../config/host-map.ts";

export interface ServiceMapEntry<T> {
  value: T;
  /** Normalised; `*.rest` stands for one label, the empty host for every host not listed. */
  hosts: readonly string[];
  /** In decoded form; no slash at the end, except `/` itself. */
  pathPrefixes: readonly string[];
}

export interface ServiceMatch<T> {
  readonly value: T;
  readonly prefix: string;
}

/** The services of one host. */
interface Paths<T> {
  root: ServiceMatch<T> | undefined;
  /** Without the root. */
  byPrefix: Map<string, ServiceMatch<T>>;
  /** No longer part of a path needs to be looked at; 0: there is the root alone. */
  longest: number;
}

export class ServiceMap<T> {
  readonly #hosts = new HostMap<Paths<T>>();

  constructor(entries: Iterable<ServiceMapEntry<T>>) {
    for (const { value, hosts, pathPrefixes } of entries) {
      for (const host of hosts) {
        const paths = this.#hosts.get(host) ?? { root: undefined, byPrefix: new Map(), longest: 0 };
        this.#hosts.set(host, paths);
        for (const prefix of pathPrefixes) addPath(paths, { value, prefix });
      }
    }
  }

  /** A host that is listed is final: its other paths do not fall back to a wildcard. */
  lookup(hostName: string, decodedPath: string): ServiceMatch<T> | undefined {
    const paths = this.#hosts.lookup(hostName);
    if (paths === undefined || paths.longest === 0) return paths?.root;
    return longestMatch(paths, decodedPath) ?? paths.root;
  }
}

function addPath<T>(paths: Paths<T>, match: ServiceMatch<T>): void {
  if (match.prefix === "/") {
    paths.root ??= match;
  } else if (!paths.byPrefix.has(match.prefix)) {
    paths.byPrefix.set(match.prefix, match);
    paths.longest = Math.max(paths.longest, match.prefix.length);
  }
}

/**
 * Whole segments only: `/api` has `/api/x` below it, but not `/apis`. The steps are those of the longest
 * prefix, however many services the host has and however long the path is.
 */
function longestMatch<T>(
  { byPrefix, longest }: Paths<T>,
  path: string,
): ServiceMatch<T> | undefined {
  let end = path.length <= longest ? path.length : path.lastIndexOf("/", longest);
  while (end > 0) {
    const match = byPrefix.get(path.slice(0, end));
    if (match !== undefined) return match;
    end = path.lastIndexOf("/", end - 1);
  }
  return undefined;
}
