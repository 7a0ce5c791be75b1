/** The forms in which hosts, path prefixes and field names are compared and saved. */
import { normalHostName } from "../lib/host-name.ts";

/** No host means any, which is written as the empty name. */
export function normalHosts(hosts: readonly string[]): string[] {
  return hosts.length === 0 ? [""] : hosts.map((host) => withoutBrackets(normalHostName(host)));
}

/** An IPv6 address: requests write it in brackets, but only for the port that may follow. */
export function withoutBrackets(name: string): string {
  return /^\[.*\]$/.test(name) ? name.slice(1, -1) : name;
}

/** Each begins with a slash and has none at its end, except `/` itself, which is also all of none. */
export function normalPathPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0) return ["/"];
  return prefixes.map((prefix) => `/${prefix.replace(/^\/+/, "").replace(/\/+$/, "")}`);
}

/** `x-request-id` → `X-Request-Id`; what is no field name stays as it is. */
export function canonicalFieldNames(names: readonly string[]): string[] {
  return names.map((name) => {
    if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) return name;
    return name.toLowerCase().replace(/(^|-)([a-z])/g, (part) => part.toUpperCase());
  });
}
