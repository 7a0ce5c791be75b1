/** What clients are counted by: of IPv6 each has a whole /64 to choose addresses from (RFC 6177). */
import { parseIpv6 } from "../lib/ip-address.ts";

/** An IPv4 address, the first half of an IPv6 address, or whatever else it is. */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const zone = address.indexOf("%");
  const groups = parseIpv6(zone < 0 ? address : address.slice(0, zone));
  return groups === undefined ? address : groups.slice(0, 4).join(":");
}
