/** Which service a request belongs to: by host, then by the longest matching path prefix. */

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

export class ServiceMap<T> {
  /** By host; the longest prefix first, so that the first match is the right one. */
  readonly #matches = new Map<string, ServiceMatch<T>[]>();

  constructor(entries: Iterable<ServiceMapEntry<T>>) {
    for (const { value, hosts, pathPrefixes } of entries) {
      for (const host of hosts) {
        const matches = this.#matches.get(host) ?? [];
        for (const prefix of pathPrefixes) matches.push({ value, prefix });
        this.#matches.set(host, matches);
      }
    }
    for (const matches of this.#matches.values()) {
      matches.sort((a, b) => b.prefix.length - a.prefix.length);
    }
  }

  /** A host that is listed is final: its other paths do not fall back to a wildcard. */
  lookup(hostName: string, decodedPath: string): ServiceMatch<T> | undefined {
    const matches = this.#matchesOf(hostName);
    if (matches === undefined) return undefined;
    for (const match of matches) {
      if (isBelow(decodedPath, match.prefix)) return match;
    }
    return undefined;
  }

  #matchesOf(hostName: string): ServiceMatch<T>[] | undefined {
    const exact = this.#matches.get(hostName);
    if (exact !== undefined) return exact;
    const dot = hostName.indexOf(".");
    const wildcard = dot > 0 ? this.#matches.get(`*${hostName.slice(dot)}`) : undefined;
    return wildcard ?? this.#matches.get("");
  }
}

/** Whole segments only: `/api` has `/api/x` below it, but not `/apis`. */
function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix === "/" || path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f;
}
