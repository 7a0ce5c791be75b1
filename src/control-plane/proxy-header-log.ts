/** Says which load balancers send no valid PROXY header: one line a peer and interval, of all workers together. */
import { maxReportedProxyPeers, proxyFaultReportIntervalMs } from "../config/limits.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { ProxyHeaderFault } from "../seam/data-plane.ts";

export class ProxyHeaderLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By peer of which a line was written in the present interval: what came since that line. */
  readonly #peers = new Map<string, ProxyHeaderFault>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  report(fault: ProxyHeaderFault): void {
    const known = this.#peers.get(fault.peer);
    if (known !== undefined) {
      known.reason = fault.reason;
      known.connections += fault.connections;
    } else if (this.#peers.size < maxReportedProxyPeers) {
      this.#tell(fault);
    }
  }

  #tell({ peer, reason, connections }: ProxyHeaderFault): void {
    this.#logger.warn("Invalid PROXY header: connection closed", {
      peer,
      error: reason,
      connections,
    });
    const next: ProxyHeaderFault = { peer, reason, connections: 0 };
    this.#peers.set(peer, next);
    this.#clock.after(proxyFaultReportIntervalMs, () => {
      this.#peers.delete(peer);
      if (next.connections > 0) this.#tell(next);
    });
  }
}
