/** Who the client is, by what trusted proxies wrote down. */
import type { CidrList } from "../../lib/cidr.ts";
import { isZonedIpAddress } from "../../lib/ip-address.ts";
import { maxForwardedHops } from "../../config/limits.ts";
import { trimBlanks } from "../../protocols/http/fields.ts";
import { unmapIpv4 } from "../../net/socket-address.ts";

/**
 * The nearest address of a list such as X-Forwarded-For that is not a trusted proxy's: each trusted one
 * wrote who was before it, from the right, and whatever stands further left anybody may have made up.
 * When all are trusted, the first of them (or the last that is looked at: chains are short). Null when the last element is no address: nothing is known then.
 */
export function nearestUntrusted(chain: string, trusted: CidrList): string | null {
  let nearest: string | null = null;
  let end = chain.length;
  for (let hops = 0; hops < maxForwardedHops && end >= 0; hops++) {
    const comma = end === 0 ? -1 : chain.lastIndexOf(",", end - 1);
    const element = trimBlanks(chain.slice(comma + 1, end));
    end = comma;
    if (element === "") continue;
    const address = bareAddress(element);
    if (address === null) break;
    nearest = address;
    if (!trusted.contains(address)) break;
  }
  return nearest;
}

const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/;
const ipv4WithPort = /^([\d.]+):\d{1,5}$/;

/** Without brackets and port, which some load balancers write; null when it is no address. */
function bareAddress(element: string): string | null {
  const address = (bracketed.exec(element) ?? ipv4WithPort.exec(element))?.[1] ?? element;
  return isZonedIpAddress(address) ? unmapIpv4(address.toLowerCase()) : null;
}
