/** What the target is told about where a request came from. */
import type { Fields } from "../../protocols/http/fields.ts";
import type { CidrList } from "../../lib/cidr.ts";
import { nearestUntrusted } from "./client-address.ts";
import type { Scheme } from "../../protocols/http/exchange.ts";

export interface Origin {
  /** As received. */
  fields: Fields;
  /** Address of the peer. */
  clientAddress: string;
  scheme: Scheme;
  /** The Host field as sent. */
  host: string;
  /** Whether the peer is a trusted proxy; null when none are configured. */
  trusted: boolean | null;
  /** The trusted proxies; null when none are configured. */
  proxies: CidrList | null;
}

export interface ForwardingRules {
  forwardHeaders: boolean;
  /** Field in which a proxy in front names the client; empty: none. */
  clientIpHeader: string;
}

export interface ForwardedFields {
  forwardedFor: string;
  forwardedHost: string;
  forwardedProto: string;
  kamalTarget: string;
}

/** The values of our own fields. A list of trusted proxies decides alone; else the service's option does. */
export function forwardedFields(
  origin: Origin,
  rules: ForwardingRules,
  targetAddress: string,
): ForwardedFields {
  const { fields, clientAddress, scheme, host, trusted } = origin;
  if (!(trusted ?? rules.forwardHeaders)) {
    return {
      forwardedFor: clientAddress,
      forwardedHost: host,
      forwardedProto: scheme,
      kamalTarget: targetAddress,
    };
  }
  const priorFor = statedClient(origin, rules) ?? fields.joined("x-forwarded-for");
  return {
    forwardedFor: appended(priorFor, clientAddress),
    forwardedHost: fields.get("x-forwarded-host") || host,
    forwardedProto: fields.get("x-forwarded-proto") || scheme,
    kamalTarget: appended(fields.joined("x-kamal-target"), targetAddress),
  };
}

/**
 * `remote_addr` of the access log: the client as the proxies in front name it, else the peer. Where no
 * trusted proxies are configured it is what the field says, as in kamal-proxy.
 */
export function remoteAddress(origin: Origin, clientIpHeader: string): string {
  const { fields, clientAddress, trusted, proxies } = origin;
  if (trusted === false) return clientAddress;
  const stated = statedClient(origin, { clientIpHeader });
  if (proxies === null) return stated || fields.get("x-forwarded-for") || clientAddress;
  const chain = stated ?? fields.joined("x-forwarded-for") ?? "";
  return nearestUntrusted(chain, proxies) ?? clientAddress;
}

/** The client as trusted proxies name it, else the peer: nobody can choose it. Access is decided by it. */
export function trustedAddress(origin: Origin, clientIpHeader: string): string {
  return origin.proxies === null ? origin.clientAddress : remoteAddress(origin, clientIpHeader);
}

/** Value of the client-ip-header; it takes the place of X-Forwarded-For. */
function statedClient(
  { fields, trusted }: Origin,
  { clientIpHeader }: Pick<ForwardingRules, "clientIpHeader">,
): string | undefined {
  if (clientIpHeader === "" || trusted === false) return undefined;
  return fields.get(clientIpHeader.toLowerCase()) || undefined;
}

function appended(prior: string | undefined, value: string): string {
  return prior ? `${prior}, ${value}` : value;
}
