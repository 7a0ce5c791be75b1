/** Says which load balancers send no valid PROXY header: one line a peer and interval. */
import { maxReportedProxyPeers, proxyFaultReportIntervalMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";

interface Report {
  /** Of the last connection. */
  reason: string;
  /** Connections since the last line. */
  connections: number;
}

export class ProxyHeaderFaults {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Peers of which a line was written in the present interval. */
  readonly #peers = new Map<string, Report>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  report(peer: string, reason: string): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) {
      known.reason = reason;
      known.connections++;
    } else if (this.#peers.size < maxReportedProxyPeers) {
      this.#tell(peer, { reason, connections: 1 });
    }
  }

  #tell(peer: string, { reason, connections }: Report): void {
    this.#logger.warn("Invalid PROXY header: connection closed", {
      peer,
      error: reason,
      connections,
    });
    const next: Report = { reason, connections: 0 };
    this.#peers.set(peer, next);
    this.#clock.after(proxyFaultReportIntervalMs, () => {
      this.#peers.delete(peer);
      if (next.connections > 0) this.#tell(peer, next);
    });
  }
}
