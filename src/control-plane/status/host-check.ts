/**
 * Whether a page may be asked for by a name: any page in a browser can make a name of its own point at this
 * machine, and read what answers there (DNS rebinding). An address can't be made to point elsewhere.
 */
import { normalHostName } from "../../lib/host-name.ts";
import { isIpAddress } from "../../lib/ip-address.ts";

/** `host` is the Host field, with its port. */
export function isKnownHost(host: string, names: readonly string[]): boolean {
  const withoutPort = host.replace(/:\d*$/, "");
  const name = normalHostName(withoutPort.replace(/^\[(.*)\]$/, "$1"));
  if (name === "localhost" || isIpAddress(name)) return true;
  return names.some((known) => normalHostName(known) === name);
}
