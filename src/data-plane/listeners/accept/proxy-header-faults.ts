/** Counts by peer the connections without a valid PROXY header, for the primary, which has the counts of all workers. */
import { maxReportedProxyPeers } from "../../../config/limits.ts";
import type { CidrList } from "../../../lib/cidr.ts";
import type { ProxyHeaderFault } from "../../../seam/data-plane.ts";

/** Resolves when they have arrived: what comes meanwhile is told at once afterwards. */
export type TellProxyHeaderFaults = (faults: readonly ProxyHeaderFault[]) => Promise<unknown>;

/** Peers whose connections begin with a PROXY header, and who is told of those that do not. */
export interface ProxyPeers {
  addresses: CidrList;
  faults: ProxyHeaderFaults;
}

export class ProxyHeaderFaults {
  readonly #tell: TellProxyHeaderFaults;
  /** Not told yet, by peer. */
  readonly #faults = new Map<string, ProxyHeaderFault>();
  #telling = false;

  constructor(tell: TellProxyHeaderFaults) {
    this.#tell = tell;
  }

  report(peer: string, reason: string): void {
    const known = this.#faults.get(peer);
    if (known !== undefined) {
      known.reason = reason;
      known.connections++;
    } else if (this.#faults.size < maxReportedProxyPeers) {
      this.#faults.set(peer, { peer, reason, connections: 1 });
    }
    if (!this.#telling) void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    this.#telling = true;
    while (this.#faults.size > 0) {
      const faults = [...this.#faults.values()];
      this.#faults.clear();
      // The primary may be gone, or an older one that does not know the call.
      await this.#tell(faults).catch(() => {});
    }
    this.#telling = false;
  }
}
