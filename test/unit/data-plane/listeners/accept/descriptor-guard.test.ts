import { describe, expect, test } from "bun:test";
import { DescriptorGuard } from "../../../../../src/data-plane/listeners/accept/descriptor-guard.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../../support/recording-logger.ts";

function guardWith(limit: number) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const guard = new DescriptorGuard(clock, logger, limit);
  /** How many connections each warning was about. */
  const reported = (): unknown[] => logger.entries.map(({ fields }) => fields["connections"]);
  return { clock, logger, guard, reported };
}

describe("descriptor guard", () => {
  test("admits connections below the ceiling without a word", () => {
    const { clock, guard, logger } = guardWith(64);
    expect([3, 47].map((descriptor) => guard.admits(descriptor))).toEqual([true, true]);
    expect(logger.entries).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("says at once that it turned one away, with the limit", () => {
    const { guard, logger } = guardWith(64);
    expect(guard.admits(48)).toBeFalse();
    expect(logger.entries).toMatchObject([
      { level: "warn", fields: { connections: 1, limit: 64 } },
    ]);
    expect(logger.entries[0]!.message).toContain("raise the limit");
  });

  test("sums up the others once a second", () => {
    const { clock, guard, reported } = guardWith(64);
    for (let i = 0; i < 10; i++) guard.admits(48);
    expect(reported()).toEqual([1]);
    clock.advance(999);
    expect(reported()).toEqual([1]);
    clock.advance(1);
    expect(reported()).toEqual([1, 9]);
    guard.admits(50);
    clock.advance(1_000);
    expect(reported()).toEqual([1, 9, 1]);
  });

  test("is silent and without a timer when all is well again", () => {
    const { clock, guard, reported } = guardWith(64);
    guard.admits(48);
    clock.advance(5_000);
    expect(reported()).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
    guard.admits(48);
    expect(reported()).toEqual([1, 1]);
  });
});
