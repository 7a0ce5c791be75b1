import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  certainty,
  judge as judgeGroups,
  type RolloutVerdict,
  type VerdictLimits,
} from "../../../../src/control-plane/rollout/verdict.ts";
import {
  countRequestOfGroup,
  type GroupCounts,
  noCounts,
} from "../../../../src/seam/group-counts.ts";

const limits: VerdictLimits = { maxErrorRate: 1, maxP95: 1.5, minRequests: 200 };

function group(
  requests: number,
  failed: number,
  durationMs: (index: number) => number,
): GroupCounts {
  const counts = noCounts();
  for (let index = 0; index < requests; index++) {
    countRequestOfGroup(counts, index < failed ? 500 : 200, durationMs(index));
  }
  return counts;
}

/** `active`: over the same time and as a reference; null: nobody came to the active targets. */
function judge(
  rollout: GroupCounts,
  active: GroupCounts | null,
  given: VerdictLimits,
  chance: number,
): RolloutVerdict {
  const groups = { rollout, active: active ?? noCounts(), reference: active };
  return judgeGroups(groups, given, chance);
}

const steady = (): number => 20;

/** Numbers that look random and are the same in each run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Requests of which so many fail, with latencies around a mean as those of an app are: few are very slow. */
function drawn(
  random: () => number,
  requests: number,
  errorRate: number,
  meanMs: number,
): GroupCounts {
  const counts = noCounts();
  for (let index = 0; index < requests; index++) {
    const status = random() < errorRate ? 500 : 200;
    countRequestOfGroup(counts, status, 1 - meanMs * Math.log(1 - random()));
  }
  return counts;
}

function worseIn(
  rounds: number,
  draw: (random: () => number) => [rollout: GroupCounts, active: GroupCounts],
  chance: number = certainty.step,
): number {
  const random = randomOf(20_261_129);
  let worse = 0;
  for (let round = 0; round < rounds; round++) {
    const [rollout, active] = draw(random);
    if (judge(rollout, active, limits, chance).kind === "worse") worse++;
  }
  return worse;
}

describe("a verdict on a rollout", () => {
  test("never comes before there were enough requests", () => {
    const counts = fc
      .tuple(fc.nat(5_000), fc.nat(5_000), fc.double({ min: 0.1, max: 60_000, noNaN: true }))
      .map(([requests, failed, durationMs]) =>
        group(requests, Math.min(failed, requests), () => durationMs),
      );
    fc.assert(
      fc.property(counts, counts, fc.integer({ min: 1, max: 6_000 }), (rollout, active, least) => {
        const few = { ...limits, minRequests: least };
        const { kind } = judge(rollout, active, few, certainty.step);
        expect(kind === "undecided").toBe(rollout.requests < least);
      }),
      { numRuns: 60 },
    );
    const allFail = group(10, 10, steady);
    expect(judge(allFail, group(1_000, 0, steady), limits, 0.5).kind).toBe("undecided");
  });

  test("names what was measured, beside what, and what may be", () => {
    const active = group(5_000, 1, steady);
    expect(judge(group(1_000, 41, steady), active, limits, certainty.step)).toEqual({
      kind: "worse",
      reason: "4.1% of 1000 requests failed with 5xx, beside 0.02% of the active targets; 1% may",
    });
    const slow = judge(
      group(1_000, 0, () => 45),
      active,
      limits,
      certainty.step,
    );
    expect(slow).toEqual({
      kind: "worse",
      reason: "p95 is 45.3 ms, beside 20.7 ms of the active targets; 1.5 times as long may be",
    });
    expect(
      judge(
        group(1_000, 3, () => 25),
        active,
        limits,
        certainty.step,
      ).kind,
    ).toBe("well");
  });

  test("forgives what the active targets do as well", () => {
    const active = group(5_000, 200, steady);
    expect(judge(group(1_000, 41, steady), active, limits, certainty.step).kind).toBe("well");
    expect(judge(group(1_000, 90, steady), active, limits, certainty.step).kind).toBe("worse");
  });

  test("is doubtful beyond a limit that chance may exceed as well", () => {
    const active = group(5_000, 1, steady);
    expect(judge(group(300, 7, steady), active, limits, certainty.step)).toEqual({
      kind: "doubtful",
      reason: "2.33% of 300 requests failed with 5xx, beside 0.02% of the active targets; 1% may",
    });
    const barely = group(300, 0, (index) => (index % 14 === 0 ? 90 : 20));
    expect(judge(barely, active, limits, certainty.step).kind).toBe("doubtful");
  });

  test("goes by the limit alone where nobody is there to be compared with", () => {
    expect(
      judge(
        group(1_000, 41, () => 900),
        null,
        limits,
        certainty.step,
      ),
    ).toEqual({
      kind: "worse",
      reason: "4.1% of 1000 requests failed with 5xx; 1% may",
    });
    expect(
      judge(
        group(1_000, 10, () => 900),
        null,
        limits,
        certainty.step,
      ).kind,
    ).toBe("well");
  });

  test("with a limit of 0 asks for a difference that is none by chance", () => {
    const none = { ...limits, maxErrorRate: 0 };
    const active = group(10_000, 0, steady);
    expect(judge(group(200, 1, steady), active, none, certainty.step).kind).toBe("doubtful");
    expect(judge(group(200, 3, steady), active, none, certainty.step).kind).toBe("worse");
  });

  test("of latency waits for enough of the active targets", () => {
    const slow = group(1_000, 0, () => 900);
    expect(judge(slow, group(170, 0, steady), limits, certainty.step).kind).toBe("well");
    expect(judge(slow, group(200, 0, steady), limits, certainty.step).kind).toBe("worse");
  });

  test("takes back targets that are as good as the others once in 200 times at most", () => {
    const equal = (random: () => number): [GroupCounts, GroupCounts] => [
      drawn(random, 250, 0.01, 30),
      drawn(random, 2_000, 0.01, 30),
    ];
    expect(worseIn(2_000, equal)).toBeLessThanOrEqual(10);
    const few = (random: () => number): [GroupCounts, GroupCounts] => [
      drawn(random, 250, 0.02, 30),
      drawn(random, 250, 0.02, 30),
    ];
    expect(worseIn(2_000, few)).toBeLessThanOrEqual(10);
    // Each second of a step is one look more.
    expect(worseIn(2_000, equal, certainty.early)).toBe(0);
  });

  test("sees three failures in a hundred, and latencies 2.5 times as long, in a step of some size", () => {
    const failing = (random: () => number): [GroupCounts, GroupCounts] => [
      drawn(random, 1_250, 0.03, 30),
      drawn(random, 3_750, 0, 30),
    ];
    expect(worseIn(300, failing)).toBeGreaterThanOrEqual(290);
    const slow = (random: () => number): [GroupCounts, GroupCounts] => [
      drawn(random, 1_250, 0, 75),
      drawn(random, 3_750, 0, 30),
    ];
    expect(worseIn(300, slow)).toBeGreaterThanOrEqual(290);
  });
});
