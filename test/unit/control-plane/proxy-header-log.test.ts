import { expect, test } from "bun:test";
import {
  maxReportedProxyPeers,
  proxyFaultReportIntervalMs as intervalMs,
} from "../../../src/config/limits.ts";
import { ProxyHeaderLog } from "../../../src/control-plane/proxy-header-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

function setUp() {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const log = new ProxyHeaderLog(clock, logger);
  const report = (peer: string, reason: string, connections = 1): void =>
    log.report({ peer, reason, connections });
  return { clock, logger, report };
}

test("each peer has one line an interval, which counts its connections", () => {
  const { clock, logger, report } = setUp();
  report("10.0.0.1", "no PROXY header");
  // As two workers tell it.
  report("10.0.0.1", "no PROXY header", 3);
  report("10.0.0.1", "no PROXY header");
  report("10.0.0.2", "invalid port");
  const told = () =>
    logger.entries.splice(0).map(({ fields }) => [fields["peer"], fields["connections"]]);
  expect(told()).toEqual([
    ["10.0.0.1", 1],
    ["10.0.0.2", 1],
  ]);
  clock.advance(intervalMs - 1);
  expect(told()).toEqual([]);
  clock.advance(1);
  expect(told()).toEqual([["10.0.0.1", 4]]);
  clock.advance(intervalMs);
  expect([told(), clock.pendingTimers]).toEqual([[], 0]);
  report("10.0.0.1", "no PROXY header");
  expect(told()).toEqual([["10.0.0.1", 1]]);
});

test("a large trusted network does not fill the log", () => {
  const { logger, report } = setUp();
  for (let i = 0; i < 2 * maxReportedProxyPeers; i++) report(`10.0.${i >> 8}.${i & 255}`, "x");
  expect(logger.entries).toHaveLength(maxReportedProxyPeers);
});
