/** In which order the addresses of a name are tried: by the precedence of RFC 6724 2.1. */
import { maxAddressesPerName } from "../../config/limits.ts";
import { unmapIpv4 } from "../socket-address.ts";

/** Of one kind they stay in the order in which they came: name servers take turns by it. */
export function inOrderOfTrial(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(unmapIpv4))]
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, maxAddressesPerName);
}

function rank(address: string): number {
  if (address === "::1") return 0;
  if (!address.includes(":")) return 2;
  // Unique local addresses (as in containers), 6to4 and Teredo come behind IPv4.
  return /^(?:f[cd]|2002:|2001:0?:)/i.test(address) ? 3 : 1;
}
