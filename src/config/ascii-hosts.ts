/** Hosts with letters beyond ASCII in the form in which browsers ask for them (RFC 5891, UTS 46). */
import type { ServiceOptions } from "./options.ts";

/** What can't be converted stays, and is refused as a host. */
export function asciiHosts(
  options: ServiceOptions,
  asciiName: (name: string) => string | null,
): ServiceOptions {
  const convert = (host: string): string => {
    // eslint-disable-next-line no-control-regex
    return /^[\u0000-\u007f]*$/.test(host) ? host : (asciiName(host) ?? host);
  };
  return {
    ...options,
    hosts: options.hosts.map(convert),
    canonicalHost: convert(options.canonicalHost),
  };
}
