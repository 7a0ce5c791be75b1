/** Ports that nobody listens on, for servers that can't be asked to choose one themselves. */
import { readFileSync } from "node:fs";

const lowestPort = 10_000;

/**
 * They lie below those that the kernel hands out: an outgoing connection, or a server that asks for any
 * port, would sooner or later take one before it is used, or while a server is restarted on it. Another
 * test run may still: whoever starts a server tries again then.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = lowestPort + Math.floor(Math.random() * (firstEphemeralPort() - lowestPort));
    if (!ports.has(port) && isFree(port)) ports.add(port);
  }
  return [...ports];
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
