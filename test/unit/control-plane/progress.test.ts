import { describe, expect, test } from "bun:test";
import { progressIntervalMs } from "../../../src/config/limits.ts";
import { parseTarget } from "../../../src/config/target-address.ts";
import { waitForDrain, waitForHealth } from "../../../src/control-plane/socket/progress.ts";
import type { Progress } from "../../../src/control-plane/socket/protocol.ts";
import { TargetGroup } from "../../../src/control-plane/health/target-group.ts";
import { FakeDataPlane } from "../../support/fake-data-plane.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";
import { targetOptions } from "../../support/service-options.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe("progress", () => {
  test("names the targets that are not healthy, at once and after each check", async () => {
    const clock = new ManualClock();
    const healthy = new Set(["a1:80"]);
    let id = 0;
    const group = new TargetGroup(
      [parseTarget("a1:80")!, parseTarget("b1:80")!],
      [],
      targetOptions(),
      {
        clock,
        logger: new RecordingLogger(),
        probe: async ({ hostField }) =>
          healthy.has(hostField)
            ? { healthy: true }
            : { healthy: false, error: "refused", reason: "refused the connection" },
        nextTargetId: () => `t${++id}`,
        healthChanged: () => null,
      },
    );
    const told: Progress[] = [];
    const never = new AbortController().signal;
    group.start();
    const waiting = waitForHealth(group, 30_000, never, clock, (each) => told.push(each));
    expect(told).toEqual([
      {
        waiting_for: "health",
        targets: [
          { target: "a1:80", last_error: null },
          { target: "b1:80", last_error: null },
        ],
        remaining_ms: 30_000,
      },
    ]);
    await settle();
    clock.advance(1_000);
    await settle();
    expect(told.at(-1)).toEqual({
      waiting_for: "health",
      targets: [{ target: "b1:80", last_error: "refused the connection" }],
      remaining_ms: 29_000,
    });
    healthy.add("b1:80");
    clock.advance(1_000);
    await settle();
    await waiting;
    const count = told.length;
    clock.advance(5_000);
    await settle();
    expect(told).toHaveLength(count);
    group.stop();
  });

  test("counts the requests that a drain waits for until it is over", async () => {
    const clock = new ManualClock();
    const dataPlane = new FakeDataPlane();
    const gate = Promise.withResolvers<void>();
    dataPlane.drained = gate.promise;
    dataPlane.currentSamples = {
      targets: {
        t1: { inFlight: 2, served: 0 },
        t2: { inFlight: 1, served: 9 },
        t3: { inFlight: 5, served: 0 },
      },
      held: {},
    };
    const told: Progress[] = [];
    const waiting = waitForDrain(["t1", "t2"], 10_000, { dataPlane, clock }, (each) =>
      told.push(each),
    );
    await settle();
    dataPlane.currentSamples.targets["t1"] = { inFlight: 0, served: 2 };
    clock.advance(progressIntervalMs);
    await settle();
    dataPlane.currentSamples.targets = {};
    clock.advance(progressIntervalMs);
    await settle();
    expect(told).toEqual([
      { waiting_for: "drain", requests: 3, remaining_ms: 10_000 },
      { waiting_for: "drain", requests: 1, remaining_ms: 10_000 - progressIntervalMs },
    ]);
    gate.resolve();
    await waiting;
    expect(clock.pendingTimers).toBe(0);
  });
});
