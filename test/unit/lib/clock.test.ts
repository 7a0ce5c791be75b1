import { expect, setSystemTime, test } from "bun:test";
import { systemClock } from "../../../src/lib/clock.ts";

test("system clock does not fire at once for a delay that is longer than a timer can count", async () => {
  const fired: string[] = [];
  const long = systemClock.after(10_000_000_000, () => fired.push("long"));
  const short = Promise.withResolvers<void>();
  systemClock.after(20, () => {
    fired.push("short");
    short.resolve();
  });
  await short.promise;
  long.cancel();
  expect(fired).toEqual(["short"]);
});

test("system clock does not fire a timer that was cancelled", async () => {
  const fired: string[] = [];
  systemClock.after(1, () => fired.push("cancelled")).cancel();
  await new Promise<void>((resolve) => systemClock.after(2, resolve));
  expect(fired).toEqual([]);
});

test("system clock follows a machine clock that is set, without moving its timers", async () => {
  const hourMs = 3_600_000;
  try {
    const beforeMs = systemClock.now();
    for (const jumpMs of [hourMs, -hourMs]) {
      const target = Date.now() + jumpMs;
      setSystemTime(new Date(target));
      const wallMs = systemClock.wallMs();
      expect(wallMs).toBeGreaterThanOrEqual(target);
      expect(wallMs - target).toBeLessThan(hourMs / 2);
    }
    // Deadlines count on the monotonic clock, which knows nothing of it.
    expect(systemClock.now()).toBeGreaterThanOrEqual(beforeMs);
    expect(systemClock.now() - beforeMs).toBeLessThan(hourMs / 2);
  } finally {
    setSystemTime();
  }
});
