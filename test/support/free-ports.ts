/** Ports that nobody listens on and nobody else will be given, for servers that can't choose one themselves. */
import { readFileSync } from "node:fs";
import { holdName } from "./held-name.ts";

const lowestPort = 10_000;
const claims = new Map<number, Disposable>();

/**
 * They lie below those that the kernel hands out: an outgoing connection, or a server that asks for any
 * port, would sooner or later take one before it is used, or while a server is restarted on it. Each is
 * claimed against every test run of this machine, until it is released or this process ends.
 */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = lowestPort + Math.floor(Math.random() * (firstEphemeralPort() - lowestPort));
    if (claim(port)) ports.push(port);
  }
  return ports;
}

export function releasePorts(ports: Iterable<number>): void {
  for (const port of ports) {
    claims.get(port)?.[Symbol.dispose]();
    claims.delete(port);
  }
}

function claim(port: number): boolean {
  const claimed = holdName(`port-${port}`);
  if (claimed === null || claims.has(port)) return false;
  if (!isFree(port)) {
    claimed[Symbol.dispose]();
    return false;
  }
  claims.set(port, claimed);
  return true;
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "0.0.0.0", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** Where the kernel's range begins; on other systems than Linux it begins higher than here. */
function firstEphemeralPort(): number {
  try {
    const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
    return Math.max(2 * lowestPort, Number.parseInt(range, 10));
  } catch {
    return 32_768;
  }
}
