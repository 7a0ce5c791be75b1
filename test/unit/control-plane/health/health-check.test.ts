import { describe, expect, test } from "bun:test";
import { parseTarget } from "../../../../src/config/target-address.ts";
import { HealthCheck } from "../../../../src/control-plane/health/health-check.ts";
import { healthEndpoint } from "../../../../src/control-plane/health/health-endpoint.ts";
import type { Probe, ProbeResult } from "../../../../src/control-plane/health/health-probe.ts";
import { nextHealthState } from "../../../../src/control-plane/health/health-state.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { targetOptions } from "../../../support/service-options.ts";

const healthy: ProbeResult = { healthy: true };

/** Lets what waits for settled promises run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function createCheck(intervalMs = 1_000, timeoutMs = 5_000) {
  const clock = new ManualClock();
  const results: ProbeResult[] = [];
  const probes: { resolve: (result: ProbeResult) => void; signal: AbortSignal }[] = [];
  const probe: Probe = (_endpoint, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
    signal.addEventListener("abort", () => reject(signal.reason));
    probes.push({ resolve, signal });
    return promise;
  };
  const target = parseTarget("web:80")!;
  const check = new HealthCheck({
    endpoint: healthEndpoint(target, targetOptions().healthCheck),
    options: { intervalMs, timeoutMs },
    clock,
    probe,
    onResult: (result) => results.push(result),
  });
  const answer = async (result: ProbeResult = healthy) => {
    probes.at(-1)!.resolve(result);
    await settle();
  };
  return { clock, results, probes, check, answer };
}

describe("health check", () => {
  test("it checks at once and then at each interval, counted from the start of the last", async () => {
    const { clock, probes, check, answer } = createCheck();
    check.start();
    expect(probes).toHaveLength(1);
    clock.advance(400);
    await answer();
    clock.advance(599);
    expect(probes).toHaveLength(1);
    clock.advance(1);
    expect(probes).toHaveLength(2);
  });

  test("a check that is under way is not overtaken, and the next follows it at once", async () => {
    const { clock, probes, check, answer } = createCheck();
    check.start();
    clock.advance(3_500);
    expect(probes).toHaveLength(1);
    await answer();
    clock.advance(0);
    expect(probes).toHaveLength(2);
  });

  test("one that has no time has failed, however quick its target is", async () => {
    const { results, probes, check } = createCheck(1_000, 0);
    check.start();
    await settle();
    expect(probes).toHaveLength(0);
    expect(results).toEqual([
      { healthy: false, error: "request timed out", reason: "did not answer on /up within 0s" },
    ]);
  });

  test("one that does not answer in time has failed", async () => {
    const { clock, results, probes, check } = createCheck();
    check.start();
    clock.advance(5_000);
    await settle();
    expect(probes[0]!.signal.aborted).toBe(true);
    expect(results).toEqual([
      {
        healthy: false,
        error: "request timed out",
        reason: "did not answer on /up within 5s",
      },
    ]);
    clock.advance(0);
    expect(probes).toHaveLength(2);
  });

  test("a stopped check reports nothing and leaves no timer", async () => {
    const { clock, results, probes, check, answer } = createCheck();
    check.start();
    check.stop();
    await answer();
    expect(probes[0]!.signal.aborted).toBe(true);
    expect(results).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(10_000);
    expect(probes).toHaveLength(1);
  });

  test("it may be stopped by its own result", async () => {
    const clock = new ManualClock();
    const check = new HealthCheck({
      endpoint: healthEndpoint(parseTarget("web:80")!, targetOptions().healthCheck),
      options: { intervalMs: 1_000, timeoutMs: 1_000 },
      clock,
      probe: () => Promise.resolve(healthy),
      onResult: () => check.stop(),
    });
    check.start();
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test("an interval of nothing does not spin", async () => {
    const { clock, probes, check, answer } = createCheck(0);
    check.start();
    await answer();
    clock.advance(5);
    expect(probes).toHaveLength(1);
    clock.advance(5);
    expect(probes).toHaveLength(2);
  });
});

describe("health state", () => {
  test("one failure takes an established target out and one success brings it back", () => {
    expect(nextHealthState("adding", false)).toBe("adding");
    expect(nextHealthState("adding", true)).toBe("healthy");
    expect(nextHealthState("healthy", false)).toBe("unhealthy");
    expect(nextHealthState("unhealthy", false)).toBe("unhealthy");
    expect(nextHealthState("unhealthy", true)).toBe("healthy");
  });
});
