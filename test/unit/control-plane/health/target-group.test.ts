import { describe, expect, test } from "bun:test";
import { CommandError } from "../../../../src/config/command-error.ts";
import { parseTarget } from "../../../../src/config/target-address.ts";
import type { Probe, ProbeResult } from "../../../../src/control-plane/health/health-probe.ts";
import { TargetGroup } from "../../../../src/control-plane/health/target-group.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { targetOptions } from "../../../support/service-options.ts";

const never = new AbortController().signal;
const error500: ProbeResult = {
  healthy: false,
  error: "unexpected status (500)",
  reason: "answered 500 on /up",
};

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function createGroup(
  writers: string[],
  readers: string[] = [],
  served: Promise<void> | null = null,
) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  /** What each address answers now. */
  const answers: Record<string, ProbeResult> = {};
  const probed: string[] = [];
  const changes: (readonly boolean[])[] = [];
  let lastId = 0;
  const probe: Probe = async (endpoint) => {
    probed.push(endpoint.hostField);
    return answers[endpoint.hostField] ?? { healthy: true };
  };
  const address = (text: string) => parseTarget(text)!;
  const group = new TargetGroup(writers.map(address), readers.map(address), targetOptions(), {
    clock,
    logger,
    probe,
    nextTargetId: () => `t${++lastId}`,
    healthChanged: (changed) => {
      changes.push(changed.snapshot().targets.map((target) => target.healthy));
      return served;
    },
  });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  return { group, clock, logger, answers, probed, changes, advance };
}

describe("target group", () => {
  test("waiting ends when all targets are healthy, not before", async () => {
    const { group, answers, changes, advance, logger } = createGroup(["a1:80", "b1:80"], ["c1:80"]);
    answers["b1:80"] = error500;
    let done = false;
    group.start();
    const waiting = group.waitUntilHealthy(30_000, never).then(() => (done = true));
    await advance(3_000);
    expect(done).toBe(false);
    delete answers["b1:80"];
    await advance(1_000);
    await waiting;
    expect(done).toBe(true);
    expect(changes.at(-1)).toEqual([true, true, true]);
    expect(logger.find("Healthcheck failed")?.fields).toEqual({
      url: "http://b1:80/up",
      error: "unexpected status (500)",
    });
    expect(logger.find("Target health updated")?.fields).toEqual({
      target: "a1:80",
      state: "healthy",
      was: "adding",
    });
    group.stop();
  });

  test("of one that serves a change is logged when it is served", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { group, changes, advance, logger } = createGroup(["a1:80", "b1:80"], [], promise);
    group.start();
    await advance(0);
    expect(changes.at(-1)).toEqual([true, true]);
    expect(logger.find("Target health updated")).toBeUndefined();
    resolve();
    await settle();
    expect(logger.find("Target health updated")?.fields).toMatchObject({ state: "healthy" });
    group.stop();
  });

  test("the deadline names each target that failed and why", async () => {
    const { group, clock, answers, advance } = createGroup(["a1:80", "b1:80"], ["c1:80"]);
    answers["a1:80"] = error500;
    answers["c1:80"] = {
      healthy: false,
      error: "connection refused",
      reason: "connection refused",
    };
    group.start();
    const waiting = group.waitUntilHealthy(1_200, never);
    waiting.catch(() => {});
    await advance(0);
    await advance(1_200);
    await expect(waiting).rejects.toThrow(
      new CommandError(
        "target failed to become healthy within configured timeout (1.2s): " +
          "a1:80 answered 500 on /up; c1:80 connection refused",
      ),
    );
    group.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("a deadline before the first answer says that there was none", async () => {
    const { group, clock } = createGroup(["a1:80"]);
    const waiting = group.waitUntilHealthy(0, never);
    waiting.catch(() => {});
    clock.advance(0);
    await expect(waiting).rejects.toThrow("timeout (0s): a1:80 did not answer in time");
  });

  test("an abort ends the wait with its reason", async () => {
    const { group, clock } = createGroup(["a1:80"]);
    const controller = new AbortController();
    const waiting = group.waitUntilHealthy(30_000, controller.signal);
    waiting.catch(() => {});
    controller.abort(new CommandError("going down"));
    await expect(waiting).rejects.toThrow("going down");
    await expect(group.waitUntilHealthy(1, controller.signal)).rejects.toThrow("going down");
    expect(clock.pendingTimers).toBe(0);
  });

  test("a single target is checked until it is healthy", async () => {
    const { group, clock, answers, probed, advance } = createGroup(["a1:80"]);
    answers["a1:80"] = error500;
    group.start();
    await advance(2_000);
    delete answers["a1:80"];
    await advance(1_000);
    expect(group.allHealthy).toBe(true);
    const checks = probed.length;
    await advance(60_000);
    expect(probed).toHaveLength(checks);
    expect(clock.pendingTimers).toBe(0);
  });

  test("several are checked for ever: one failure takes out, one success brings back", async () => {
    const { group, answers, changes, advance } = createGroup(["a1:80", "b1:80"]);
    group.start();
    await advance(0);
    expect(changes.at(-1)).toEqual([true, true]);
    answers["a1:80"] = error500;
    await advance(1_000);
    expect(changes.at(-1)).toEqual([false, true]);
    expect(group.targets[0]).toMatchObject({ state: "unhealthy", lastError: error500.reason });
    delete answers["a1:80"];
    await advance(1_000);
    expect(changes.at(-1)).toEqual([true, true]);
    expect(group.targets[0]?.lastError).toBeNull();
    group.stop();
  });

  test("targets that are assumed healthy count at once; a single one is not checked", async () => {
    const single = createGroup(["a1:80"]);
    single.group.assumeHealthy();
    single.group.start();
    await single.advance(5_000);
    expect(single.probed).toEqual([]);
    const several = createGroup(["a1:80", "b1:80"]);
    several.group.assumeHealthy();
    several.group.start();
    expect(several.probed).toEqual(["a1:80", "b1:80"]);
    several.group.stop();
  });
});
