import { describe, expect, test } from "bun:test";
import type { RolloutPlan } from "../../../../src/config/rollout-plan.ts";
import { deployLayers } from "../../../../src/config/setting-layers.ts";
import { parseTarget } from "../../../../src/config/target-address.ts";
import { normalizeServiceOptions } from "../../../../src/config/validate-options.ts";
import { type DeployedService, running } from "../../../../src/control-plane/deployed-service.ts";
import { TargetGroup } from "../../../../src/control-plane/health/target-group.ts";
import { AutomaticRollouts } from "../../../../src/control-plane/rollout/automatic-rollouts.ts";
import { setRolloutSplit, stopRollout } from "../../../../src/control-plane/service-commands.ts";
import { ServiceRegistry } from "../../../../src/control-plane/service-registry.ts";
import type { RolloutProgress } from "../../../../src/control-plane/socket/rollout-protocol.ts";
import { StateStore } from "../../../../src/control-plane/state/state-store.ts";
import {
  countRequestOfGroup,
  noCounts,
  type RolloutCounts,
} from "../../../../src/seam/group-counts.ts";
import { FakeDataPlane } from "../../../support/fake-data-plane.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { serviceOptions, targetOptions } from "../../../support/service-options.ts";
import { tempFolder } from "../../../support/temp-folder.ts";
import { waitFor } from "../../../support/wait-for.ts";

const plan: RolloutPlan = {
  steps: [10, 50, 100],
  everyMs: 5_000,
  maxErrorRate: 1,
  maxP95: 1.5,
  minRequests: 100,
  promote: true,
  drainTimeoutMs: 30_000,
};

/** What each second brings to a group: requests, of which so many fail, each so long. */
interface Traffic {
  requests: number;
  failed?: number;
  durationMs?: number;
}

function setup(bySecond: (share: number) => { rollout: Traffic; active: Traffic }) {
  const folder = tempFolder();
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const dataPlane = new FakeDataPlane();
  const registry = new ServiceRegistry(dataPlane);
  const store = new StateStore({ path: folder.file("state"), logger });
  const shutdown = new AbortController();
  const context = { registry, dataPlane, clock, store, logger };
  const counts: RolloutCounts = { rollout: noCounts(), active: noCounts() };
  const rollouts = new AutomaticRollouts({
    ...context,
    shutdown: shutdown.signal,
    metrics: async () => [
      {
        service: "web",
        inFlight: 0,
        started: true,
        series: [],
        answeredBy: {},
        groups: structuredClone(counts),
      },
    ],
  });
  const group = (address: string) =>
    new TargetGroup([parseTarget(address)!], [], targetOptions(), {
      clock,
      logger,
      probe: () => Promise.reject(new Error("nothing is asked")),
      nextTargetId: () => address,
      healthChanged: () => null,
    });
  const options = normalizeServiceOptions(serviceOptions());
  const service: DeployedService = {
    name: "web",
    options,
    layers: deployLayers({ options, targetOptions: targetOptions() }, undefined),
    active: group("old:80"),
    rollout: group("new:80"),
    pause: running,
    rolloutSplit: { percentage: 0, splitPoint: 0, allowlist: ["me"] },
    rolloutPlan: null,
    errorPages: null,
    fileContents: {},
    degraded: null,
  };
  registry.set(service);
  const client = new AbortController();
  const told: RolloutProgress[] = [];
  const shares: number[] = [];
  const share = (): number => registry.get("web")?.rolloutSplit?.percentage ?? 0;
  const count = (to: keyof RolloutCounts, { requests, failed = 0, durationMs = 20 }: Traffic) => {
    for (let i = 0; i < requests; i++) {
      countRequestOfGroup(counts[to], i < failed ? 502 : 200, durationMs);
    }
  };
  return {
    context,
    registry,
    dataPlane,
    logger,
    rollouts,
    group,
    service,
    client,
    told,
    shares,
    shutdown,
    follow: (given: RolloutPlan | null) =>
      rollouts.follow(
        { command: "rollout-auto", service: "web", plan: given },
        client.signal,
        (progress) => {
          if (progress.waiting_for !== "rollout") return;
          told.push(structuredClone(progress));
          if (shares.at(-1) !== share()) shares.push(share());
        },
      ),
    /** Seconds pass, as long as it wants them, until it is over or the condition holds. */
    async until<T>(outcome: Promise<T>, condition: () => boolean = () => false): Promise<void> {
      const ending = new AbortController();
      outcome.then(
        () => ending.abort(),
        () => ending.abort(),
      );
      const isOver = (): boolean => ending.signal.aborted || condition();
      while (!isOver()) {
        await waitFor(() => isOver() || clock.pendingTimers > 0, "the next look");
        if (isOver()) return;
        const { rollout, active } = bySecond(share());
        count("rollout", rollout);
        count("active", active);
        clock.advance(1_000);
      }
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const good = (share: number) => ({
  rollout: { requests: share },
  active: { requests: 100 - share },
});

describe("a rollout that goes on by itself", () => {
  test("raises its share step by step and makes its targets the active ones", async () => {
    using stand = setup(good);
    const outcome = stand.follow(plan);
    await stand.until(outcome);
    expect(await outcome).toEqual([]);
    expect(stand.shares).toEqual([10, 50, 100]);
    const { active, rollout, rolloutSplit, rolloutPlan } = stand.registry.get("web")!;
    expect([active.addresses(false), rollout, rolloutSplit, rolloutPlan]).toEqual([
      ["new:80"],
      null,
      null,
      null,
    ]);
    expect(stand.dataPlane.drains).toMatchObject([{ targetIds: ["old:80"], timeoutMs: 30_000 }]);
    // With 10 requests a second the first step lasts until there were enough of them.
    const passed = stand.told.at(-1)!.passed;
    expect(passed.map(({ percentage, rollout: { requests } }) => [percentage, requests])).toEqual([
      [10, 100],
      [50, 250],
      [100, 500],
    ]);
  });

  test("without promotion stays at its last share", async () => {
    using stand = setup(good);
    const outcome = stand.follow({ ...plan, steps: [20, 40], promote: false });
    await stand.until(outcome);
    await outcome;
    expect(stand.registry.get("web")).toMatchObject({
      rolloutSplit: { percentage: 40, allowlist: ["me"] },
      rolloutPlan: null,
    });
    expect(stand.registry.get("web")!.rollout!.addresses(false)).toEqual(["new:80"]);
  });

  test("goes back to 0 % when its targets fail, and says what it saw", async () => {
    using stand = setup((share) => ({
      rollout: { requests: share * 2, failed: share === 50 ? 4 : 0 },
      active: { requests: 100 },
    }));
    const outcome = stand.follow(plan);
    await stand.until(outcome);
    await expect(outcome).rejects.toThrow(
      "the rollout of web was taken back from 50% to 0%: 4% of 500 requests failed with 5xx, " +
        "beside 0% of the active targets; 1% may",
    );
    expect(stand.registry.get("web")).toMatchObject({
      rolloutSplit: { percentage: 0, splitPoint: 0, allowlist: ["me"] },
      rolloutPlan: null,
    });
    expect(stand.logger.find("Took rollout back")).toBeDefined();
  });

  test("gives a step as much time again when a limit is exceeded and it may be chance", async () => {
    let second = 0;
    using stand = setup((share) => ({
      // Six of 250 in the first five seconds are none of the next ones.
      rollout: { requests: 50, failed: share === 10 && ++second % 5 === 0 && second < 6 ? 6 : 0 },
      active: { requests: 100 },
    }));
    const outcome = stand.follow(plan);
    await stand.until(outcome, () => stand.shares.at(-1) === 50);
    expect(stand.told.map(({ doubt }) => doubt)).toContain(
      "2.4% of 250 requests failed with 5xx, beside 0% of the active targets; 1% may",
    );
    expect(stand.told.at(-1)!.passed[0]).toMatchObject({ rollout: { requests: 500, failed: 6 } });
    stand.client.abort(new Error("gone"));
    await outcome.catch(() => {});
  });

  test("does not wait for the end of a step with what could not be clearer", async () => {
    using stand = setup((share) => ({
      rollout: { requests: 200, failed: 100 },
      active: { requests: 100 - share },
    }));
    const outcome = stand.follow({ ...plan, everyMs: 3_600_000 });
    await stand.until(outcome);
    await expect(outcome).rejects.toThrow("50% of 200 requests failed");
    expect(stand.told.at(-1)!.remaining_ms).toBeGreaterThan(3_500_000);
  });

  test("goes back when its targets are slow", async () => {
    using stand = setup((share) => ({
      rollout: { requests: share * 4, durationMs: 70 },
      active: { requests: 100, durationMs: 30 },
    }));
    const outcome = stand.follow(plan);
    await stand.until(outcome);
    await expect(outcome).rejects.toThrow(
      /taken back from 10% to 0%: p95 is 7\d\.\d ms, beside 3\d/,
    );
  });

  test("at the end goes by what the active targets did last", async () => {
    using stand = setup((share) => ({
      rollout: { requests: share * 10, failed: share / 2 },
      active: share === 100 ? { requests: 0 } : { requests: 1_000, failed: 50 },
    }));
    const outcome = stand.follow(plan);
    await stand.until(outcome);
    expect(await outcome).toEqual([]);
    expect(stand.shares).toEqual([10, 50, 100]);
  });

  test("stays at its step without its client, and goes on when it is told to", async () => {
    using stand = setup(good);
    const left = stand.follow(plan);
    expect(stand.rollouts.isFollowed("web")).toBe(true);
    await stand.until(left, () => stand.shares.at(-1) === 50);
    stand.client.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    await left.catch(() => {});
    expect(stand.rollouts.isFollowed("web")).toBe(false);
    expect(stand.registry.get("web")).toMatchObject({
      rolloutSplit: { percentage: 50 },
      rolloutPlan: { ...plan, step: 1 },
    });
    const again = stand.rollouts.follow(
      { command: "rollout-auto", service: "web", plan: null },
      new AbortController().signal,
      undefined,
    );
    await stand.until(again);
    expect(await again).toEqual([]);
    expect(stand.registry.get("web")!.active.addresses(false)).toEqual(["new:80"]);
  });

  test("stays at its step at a shutdown and an upgrade, and says so", async () => {
    using stand = setup(good);
    const held = stand.follow(plan);
    await stand.until(held, () => stand.shares.at(-1) === 10);
    stand.rollouts.freeze("the proxy is upgraded");
    await expect(held).rejects.toThrow("the proxy is upgraded");
    await held.catch(() => {});
    const stopped = stand.follow(null);
    stand.shutdown.abort(new Error("the proxy is shutting down"));
    await expect(stopped).rejects.toThrow("the proxy is shutting down");
    await stopped.catch(() => {});
    expect(stand.registry.get("web")!.rolloutPlan).toEqual({ ...plan, step: 0 });
  });

  test("ends with a sentence when somebody else changes the service", async () => {
    const cases: [string, (stand: ReturnType<typeof setup>) => unknown][] = [
      ["the service was removed", ({ registry }) => registry.remove("web")],
      [
        "a deploy has replaced the targets that it was compared with",
        ({ registry, group }) => {
          registry.set({ ...registry.get("web")!, active: group("other:80"), rolloutPlan: null });
        },
      ],
      [
        "another rollout deploy has replaced its targets",
        ({ registry, group }) => {
          registry.set({ ...registry.get("web")!, rollout: group("other:80"), rolloutPlan: null });
        },
      ],
      [
        "rollout set or rollout stop has changed its share",
        ({ context }) => stopRollout("web", context),
      ],
      [
        "rollout set or rollout stop has changed its share",
        ({ context }) =>
          setRolloutSplit(
            { command: "rollout-set", service: "web", percentage: 7, allowlist: [] },
            context,
          ),
      ],
    ];
    for (const [sentence, change] of cases) {
      using stand = setup(good);
      const outcome = stand.follow(plan);
      await stand.until(outcome, () => stand.shares.at(-1) === 50);
      await change(stand);
      const before = stand.registry.get("web");
      await stand.until(outcome);
      await expect(outcome).rejects.toThrow(`the rollout of web goes on no further: ${sentence}`);
      expect(stand.registry.get("web")).toBe(before as never);
    }
  });

  test("goes on when the service changes in ways that are not its business", async () => {
    using stand = setup(good);
    const outcome = stand.follow(plan);
    await stand.until(outcome, () => stand.shares.at(-1) === 50);
    stand.registry.set({ ...stand.registry.get("web")!, pause: { ...running, failAfterMs: 7 } });
    await stand.until(outcome);
    expect(await outcome).toEqual([]);
    expect(stand.registry.get("web")!.pause.failAfterMs).toBe(7);
  });

  test("is refused where it makes no sense", async () => {
    using stand = setup(good);
    await expect(stand.follow(null)).rejects.toThrow("there is no rollout of web to continue");
    await expect(stand.follow({ ...plan, steps: [50] })).rejects.toThrow(
      "the last of the steps must be 100, or --no-promote be given",
    );
    const followed = stand.follow(plan);
    await expect(stand.follow(plan)).rejects.toThrow(
      "the rollout of web is followed by another command already",
    );
    await stand.until(followed);
    await followed;
    await expect(stand.follow(plan)).rejects.toThrow("rollout target not set");
  });
});
