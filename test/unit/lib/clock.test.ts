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
  await new Promise<void>((resolve) => systemClock.after(2, () => resolve()));
  expect(fired).toEqual([]);
});

test("system clock fires a timer that is late after what had arrived by then was read", async () => {
  const events: string[] = [];
  const accepted = Promise.withResolvers<Bun.Socket>();
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: accepted.resolve, data() {} },
  });
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: { data: (_socket, bytes) => void events.push(bytes.toString()) },
  });
  const server = await accepted.promise;
  // Several times, since it may be that somebody looks in between.
  for (let round = 0; round < 10; round++) {
    const fired = Promise.withResolvers<void>();
    // A timer that does not give way: the next is due, the bytes are there, nobody has looked.
    setTimeout(() => {
      server.write("answer");
      Bun.sleepSync(10);
    }, 1);
    systemClock.after(2, () => {
      events.push("timer");
      fired.resolve();
    });
    await fired.promise;
  }
  client.terminate();
  expect(events.join(" ")).toBe("answer timer ".repeat(10).trim());
});

test("system clock does not count time in which the process did not run", async () => {
  const startMs = systemClock.now();
  const startRunningMs = systemClock.runningMs();
  const fired = Promise.withResolvers<number>();
  systemClock.after(600, fired.resolve);
  setImmediate(() => Bun.sleepSync(1_000));
  const readUntilMs = await fired.promise;
  expect(readUntilMs - startRunningMs).toBeGreaterThan(598);
  // Of the second that was lost, a beat at most.
  expect(systemClock.now() - startMs).toBeGreaterThan(1_300);
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
