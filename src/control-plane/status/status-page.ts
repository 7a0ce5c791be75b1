/** Puts the status page together. */
import { RateTable } from "../../access/rate-table.ts";
import { systemPasswords } from "../../access/system-passwords.ts";
import { statusLimits } from "../../config/operator-limits.ts";
import { readCredentials } from "../../config/credentials.ts";
import type { RunOptions } from "../../config/run-options.ts";
import type { Logger } from "../../lib/logger.ts";
import { joinHostPort } from "../../net/socket-address.ts";
import type { Serving } from "../workers/serving.ts";
import { StatusFeed, type StatusFeedContext } from "./status-feed.ts";
import type { TrafficRecord } from "./traffic-record.ts";
import { listenForStatus, type StatusListener } from "./status-listener.ts";

export interface StatusPageContext extends Omit<StatusFeedContext, "record"> {
  /** Null: there is to be no page. */
  record: TrafficRecord | null;
  logger: Logger;
  serving: Pick<Serving, "onMetrics" | "plane">;
}

/**
 * To be called before anything serves; null where there is none. Throws a CommandError when the port can't be
 * had.
 */
export async function openStatusPage(
  options: RunOptions,
  context: StatusPageContext,
): Promise<StatusListener | null> {
  const { clock, logger, serving, record } = context;
  if (record === null) return null;
  const { statusBind: hostname, statusPort: port, statusHosts: hosts } = options;
  const feed = new StatusFeed({ ...context, record });
  const rates = new RateTable(new ArrayBuffer(statusLimits.rateMemoryBytes), 0);
  // They were checked when the command line was read.
  const credentials = readCredentials(options.statusAuth) ?? [];
  const passwords = systemPasswords(clock, rates);
  const listener = listenForStatus({ hostname, port, hosts, credentials, passwords, feed });
  // What was counted so far is what everything after it is measured from.
  feed.count(await serving.plane.metrics());
  serving.onMetrics = (metrics) => feed.count(metrics);
  logger.info("Status page enabled", { address: joinHostPort(hostname, listener.port) });
  if (credentials.length === 0 && !isLoopback(hostname)) {
    logger.warn("The status page can be seen by others, and asks for no password", {
      address: joinHostPort(hostname, listener.port),
    });
  }
  return {
    port: listener.port,
    async close() {
      serving.onMetrics = null;
      feed.close();
      await listener.close();
    },
  };
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
