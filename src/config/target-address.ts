/** The address of a target as it is given to `deploy`: a host name or IPv4 address, maybe a port. */
import { maxPort } from "./defaults.ts";

export interface TargetAddress {
  host: string;
  port: number;
  /** As given. */
  address: string;
}

const defaultPort = 80;
/** Two characters or more, so `a:80` is not an address. No scheme, path or IPv6 literal. */
const pattern = /^([A-Za-z0-9_][A-Za-z0-9_.+-]+)(?::([0-9]+))?$/;

/** Undefined when it is no target address; `invalidTargetText` says so to the user. */
export function parseTarget(address: string): TargetAddress | undefined {
  const match = pattern.exec(address);
  if (match === null) return undefined;
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port < 1 || port > maxPort) return undefined;
  return { host: match[1]!, port, address };
}

export function invalidTargetText(address: string): string {
  return `${address} :invalid host pattern`;
}
