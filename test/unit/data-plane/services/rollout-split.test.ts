import { describe, expect, test } from "bun:test";
import type { RolloutSplit } from "../../../../src/config/options.ts";
import { Fields } from "../../../../src/protocols/http/fields.ts";
import { fnv1a32 } from "../../../../src/lib/fnv1a.ts";
import { isInRollout } from "../../../../src/data-plane/services/rollout-split.ts";

function split(percentage: number, ...allowlist: string[]): RolloutSplit {
  return { percentage, splitPoint: 4_294_967_295 * (percentage / 100), allowlist };
}

function cookies(...values: string[]): Fields {
  return Fields.of(...values.map((value) => ["Cookie", value] as [string, string]));
}

describe("isInRollout", () => {
  test("needs the cookie, even at 100 %", () => {
    expect(isInRollout(split(100), cookies())).toBe(false);
    expect(isInRollout(split(100), cookies("other=1"))).toBe(false);
    expect(isInRollout(split(100), cookies("kamal-rollout="))).toBe(false);
    expect(isInRollout(split(100), cookies("Kamal-Rollout=1"))).toBe(false);
    expect(isInRollout(split(100), cookies("other=1; kamal-rollout=1"))).toBe(true);
    expect(isInRollout(split(100), cookies("other=1", "kamal-rollout=1"))).toBe(true);
  });

  test("takes those on the allowlist whatever the percentage", () => {
    expect(isInRollout(split(0, "alice"), cookies("kamal-rollout=alice"))).toBe(true);
    expect(isInRollout(split(0, "alice"), cookies('kamal-rollout="alice"'))).toBe(true);
    expect(isInRollout(split(0, "alice"), cookies("kamal-rollout=Alice"))).toBe(false);
  });

  test("counts the first cookie of that name only", () => {
    const request = cookies("kamal-rollout=bob; kamal-rollout=alice");
    expect(isInRollout(split(0, "alice"), request)).toBe(false);
  });

  test("takes hashes up to and including the split point", () => {
    const hash = fnv1a32("user-1");
    const request = cookies("kamal-rollout=user-1");
    expect(isInRollout({ ...split(50), splitPoint: hash }, request)).toBe(true);
    expect(isInRollout({ ...split(50), splitPoint: hash - 0.5 }, request)).toBe(false);
  });

  test("takes about the share that was asked for", () => {
    const values = Array.from({ length: 2_000 }, (_, i) => `kamal-rollout=customer-${i}`);
    const share = values.filter((value) => isInRollout(split(30), cookies(value))).length / 2_000;
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.35);
  });
});
