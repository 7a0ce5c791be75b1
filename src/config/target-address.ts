/** The address of a target as it is given to `deploy`: a host name or IPv4 address, maybe a port and a weight. */
import { maxPort } from "./limits.ts";

export interface TargetAddress {
  host: string;
  port: number;
  /** As given, without the weight. */
  address: string;
  weight: number;
}

const defaultPort = 80;
/** Two characters or more, so `a:80` is not an address. No scheme, path or IPv6 literal. */
const pattern = /^([A-Za-z0-9_][A-Za-z0-9_.+-]+)(?::([0-9]+))?(?:;weight=([0-9]{1,4}))?$/;
const noWeight = /;.*$/;

/** Undefined when it is no target address; `invalidTargetText` says so to the user. */
export function parseTarget(address: string): TargetAddress | undefined {
  const match = pattern.exec(address);
  if (match === null) return undefined;
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port < 1 || port > maxPort) return undefined;
  const weight = Number(match[3] ?? 1);
  if (weight < 1) return undefined;
  return { host: match[1]!, port, address: address.replace(noWeight, ""), weight };
}

export function invalidTargetText(address: string): string {
  const reason = address.includes(";weight=")
    ? "the weight must be written as ;weight=1 to ;weight=9999"
    : "invalid host pattern";
  return `${address} :${reason}`;
}

/** Of those that do not weigh 1, as `targetWeights` has them. */
export function weightsOf(targets: readonly TargetAddress[]): string[] {
  return targets
    .filter(({ weight }) => weight !== 1)
    .map(({ address, weight }) => `${address}=${weight}`);
}
