import { expect, test } from "bun:test";
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
