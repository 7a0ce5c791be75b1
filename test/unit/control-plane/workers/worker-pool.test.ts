import { describe, expect, test } from "bun:test";
import { WorkerPool } from "../../../../src/control-plane/workers/worker-pool.ts";
import {
  promptWorkerRestarts,
  workerAnswerTimeoutMs,
  workerMetricsIntervalMs,
  workerRestartPauseMs,
  workerWatchIntervalMs,
} from "../../../../src/config/worker-limits.ts";
import type { DataPlaneOptions } from "../../../../src/seam/plane-calls.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { ScriptedWorker } from "../../../support/scripted-worker.ts";
import { poolSnapshot, serviceSnapshot, snapshot } from "../../../support/service-snapshots.ts";
import { waitFor } from "../../../support/wait-for.ts";

function setup(slots = 2, keepsMetrics = false) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  /** All that were ever launched. */
  const workers: ScriptedWorker[] = [];
  let failures = 0;
  const pool = new WorkerPool({
    clock,
    logger,
    certificates: () => null,
    keepsMetrics,
    closeSockets() {},
    gone: { metrics: [], served: [], spans: { exported: 1, dropped: 0 } },
    slots: Array.from({ length: slots }, () => ({
      options: {} as DataPlaneOptions,
      async launch() {
        if (failures > 0) {
          failures--;
          throw new Error("no memory");
        }
        const worker = new ScriptedWorker(100 + workers.length);
        workers.push(worker);
        return worker;
      },
    })),
  });
  return { clock, logger, workers, pool, failNext: (count: number) => void (failures = count) };
}

const web = (id: string) => snapshot(serviceSnapshot("web", { active: poolSnapshot([id]) }));
const serving = async ({ pool }: ReturnType<typeof setup>): Promise<number> =>
  (await pool.describe()).filter(({ state }) => state === "serving").length;

describe("WorkerPool", () => {
  test("tells each everything before it listens", async () => {
    const { pool, workers } = setup();
    await pool.apply(web("t1"));
    await pool.start();
    expect(workers.map(({ calls }) => calls)).toEqual([
      ["start", "apply", "listen"],
      ["start", "apply", "listen"],
    ]);
  });

  test("has published when all have answered", async () => {
    const { pool, workers } = setup();
    await pool.start();
    const held = Promise.withResolvers<void>();
    workers[1]!.hangs = held.promise;
    let published = false;
    const applying = pool.apply(web("t1")).then(() => (published = true));
    await waitFor(() => workers[1]!.applied.length === 1, "the snapshot at the slow one");
    expect(published).toBe(false);
    held.resolve();
    await applying;
  });

  test("sends the last of several snapshots that came while one was on its way", async () => {
    const { pool, workers } = setup(1);
    await pool.start();
    const held = Promise.withResolvers<void>();
    workers[0]!.hangs = held.promise;
    const all = [1, 2, 3, 4].map((i) => pool.apply({ ...web(`t${i}`), revision: i }));
    await waitFor(() => workers[0]!.applied.length === 1, "the first");
    held.resolve();
    await Promise.all(all);
    expect(workers[0]!.applied.map(({ revision }) => revision)).toEqual([1, 4]);
  });

  test("ends and replaces one that does not answer in time", async () => {
    const { pool, workers, clock, logger } = setup();
    await pool.start();
    workers[1]!.hangs = new Promise(() => {});
    const applying = pool.apply(web("t1"));
    await waitFor(() => workers[1]!.applied.length === 1, "the snapshot");
    clock.advance(workerAnswerTimeoutMs);
    await applying;
    expect(workers.map(({ killed }) => killed).slice(0, 2)).toEqual([false, true]);
    await waitFor(() => workers.length === 3, "the successor");
    expect(workers[2]!.applied).toHaveLength(1);
    expect(logger.entries.map(({ message }) => message)).toContain("Worker does not answer");
  });

  test.each([
    [false, "underWay", workerWatchIntervalMs],
    [true, "metrics", workerMetricsIntervalMs],
  ])(
    "notices one that hangs by itself, and says it once; metrics: %p",
    async (keepsMetrics, question, intervalMs) => {
      const { pool, workers, clock, logger } = setup(2, keepsMetrics);
      await pool.start();
      workers[1]!.hangs = new Promise(() => {});
      clock.advance(intervalMs);
      await waitFor(() => workers[1]!.calls.includes(question), "the question");
      clock.advance(workerAnswerTimeoutMs);
      await waitFor(() => workers.length === 3, "the successor");
      const told = logger.entries.filter(({ message }) => message === "Worker does not answer");
      expect(told).toHaveLength(1);
      expect(workers.map(({ killed }) => killed)).toEqual([false, true, false]);
      // It goes on so.
      await waitFor(() => {
        clock.advance(intervalMs);
        return workers[2]!.calls.includes(question);
      }, "the question to the successor");
    },
  );

  test("drains in all of them, and does not wait for one that dies", async () => {
    const { pool, workers } = setup();
    await pool.start();
    workers[0]!.hangs = new Promise(() => {});
    const drained = pool.drain(["t1"], 1_000);
    await waitFor(() => workers.every(({ calls }) => calls.includes("drain")), "both");
    workers[0]!.die("SIGSEGV");
    await drained;
  });

  test("hands over who is still there when all are held, and what the others had served", async () => {
    const { pool, workers } = setup(1);
    await pool.apply(web("t1"));
    const old = new ScriptedWorker(7);
    old.samples = { targets: { t1: { inFlight: 0, served: 5 } }, held: {} };
    pool.adopt(old);
    await pool.start();
    // It ends just when it is asked.
    old.hold = async () => {
      old.die();
      await old.gone;
    };
    const held = await pool.hold();
    expect(held.workers.map(({ handle }) => handle.pid)).toEqual([workers[0]!.pid]);
    expect(held.gone.served).toEqual([["t1", 5]]);
  });

  test("hands over nobody who has come while the others were held", async () => {
    const { pool, workers } = setup(2);
    await pool.apply(web("t1"));
    await pool.start();
    const [first, second] = [workers[0]!, workers[1]!];
    first.hold = async () => first.die("SIGSEGV");
    second.hold = async () => {
      await waitFor(() => workers[2]?.calls.includes("listen") === true, "the successor");
    };
    const held = await pool.hold();
    expect(held.workers.map(({ handle }) => handle.pid)).toEqual([second.pid]);
    expect(workers[2]!.calls).not.toContain("hold");
  });

  test("sums what they hold and serve, and keeps what the dead have served", async () => {
    const { pool, workers } = setup();
    await pool.apply(web("t1"));
    await pool.start();
    workers[0]!.samples = { targets: { t1: { inFlight: 1, served: 10 } }, held: { web: 2 } };
    workers[1]!.samples = { targets: { t1: { inFlight: 2, served: 5 } }, held: { web: 1 } };
    expect(await pool.samples()).toEqual({
      targets: { t1: { inFlight: 3, served: 15 } },
      held: { web: 3 },
    });
    workers[0]!.die("SIGKILL");
    await waitFor(() => workers.length === 3, "the successor");
    workers[2]!.samples = { targets: { t1: { inFlight: 0, served: 1 } }, held: {} };
    expect((await pool.samples()).targets).toEqual({ t1: { inFlight: 2, served: 16 } });
  });

  test("sums spans, those of the dead included, and has none where nobody collects them", async () => {
    const { pool, workers } = setup();
    await pool.start();
    expect((await pool.samples()).spans).toBeUndefined();
    const spans = { exported: 5, dropped: 2 };
    for (const worker of workers) worker.samples = { targets: {}, held: {}, spans };
    expect((await pool.samples()).spans).toEqual({ exported: 11, dropped: 4 });
    workers[0]!.die("SIGKILL");
    await waitFor(() => workers.length === 3, "the successor");
    workers[2]!.samples = { targets: {}, held: {}, spans: { exported: 1, dropped: 0 } };
    expect((await pool.samples()).spans).toEqual({ exported: 12, dropped: 4 });
  });

  test("keeps what the dead have counted", async () => {
    const { pool, workers } = setup();
    await pool.start();
    const series = {
      method: "GET",
      status: "200",
      rollout: null,
      count: 3,
      sumSeconds: 1,
      bodyBytes: 100,
      buckets: [1, 2],
    };
    const counted = {
      service: "web",
      inFlight: 2,
      started: true,
      series: [series],
      answeredBy: { ip: 1 },
      events: { retry: 2 },
      groups: {
        rollout: { requests: 3, failed: 1, durations: [2, 1] },
        active: { requests: 9, failed: 0, durations: [9] },
      },
    };
    workers[0]!.metrics = [counted];
    workers[1]!.metrics = [counted];
    expect(await pool.metrics()).toMatchObject([
      {
        service: "web",
        inFlight: 4,
        series: [{ count: 6, sumSeconds: 2, bodyBytes: 200, buckets: [2, 4] }],
        answeredBy: { ip: 2 },
        events: { retry: 4 },
        groups: { rollout: { requests: 6, failed: 2 }, active: { requests: 18, failed: 0 } },
      },
    ]);
    workers[0]!.die("SIGKILL");
    await waitFor(() => workers.length === 3, "the successor");
    expect(await pool.metrics()).toMatchObject([
      {
        service: "web",
        inFlight: 2,
        series: [{ count: 6, sumSeconds: 2, bodyBytes: 200, buckets: [2, 4] }],
      },
    ]);
  });

  test("counts nothing twice of a worker that dies while the others are asked", async () => {
    const { pool, workers } = setup();
    await pool.apply(web("t1"));
    await pool.start();
    const buckets = [1];
    const series = { method: "GET", status: "200", rollout: null, count: 3, sumSeconds: 1 };
    for (const worker of workers) {
      const counted = { ...series, bodyBytes: 1, buckets };
      worker.metrics = [
        {
          service: "web",
          inFlight: 0,
          started: true,
          series: [counted],
          answeredBy: {},
          groups: null,
        },
      ];
      worker.samples = { targets: { t1: { inFlight: 0, served: 5 } }, held: {} };
    }
    // Of who dies before the answer is known what was told last.
    await Promise.all([pool.metrics(), pool.samples()]);
    workers[0]!.calls.length = 0;
    const held = Promise.withResolvers<void>();
    workers[1]!.hangs = held.promise;
    const asked = Promise.all([pool.metrics(), pool.samples()]);
    await waitFor(
      () => workers[0]!.calls.includes("metrics") && workers[0]!.calls.includes("samples"),
      "the questions",
    );
    workers[0]!.die("SIGKILL");
    await waitFor(() => workers.length === 3, "the successor");
    held.resolve();
    const [metrics, samples] = await asked;
    expect(metrics[0]!.series[0]!.count).toBe(6);
    expect(samples.targets["t1"]!.served).toBe(10);
    expect((await pool.metrics())[0]!.series[0]!.count).toBe(6);
    expect((await pool.samples()).targets["t1"]!.served).toBe(10);
  });

  test("replaces the dead at once, and later with pauses that double", async () => {
    const all = setup(1);
    const { pool, workers, clock, logger } = all;
    await pool.start();
    for (let death = 1; death <= promptWorkerRestarts; death++) {
      workers.at(-1)!.die("SIGSEGV");
      await waitFor(
        async () => workers.length === death + 1 && (await serving(all)) === 1,
        "the successor",
      );
    }
    for (const pauseMs of [workerRestartPauseMs, 2 * workerRestartPauseMs]) {
      const before = workers.length;
      workers.at(-1)!.die("SIGSEGV");
      await waitFor(async () => (await pool.describe())[0]!.state === "waiting", "the pause");
      expect(logger.entries.at(-1)).toMatchObject({
        message: "Worker dies again and again",
        fields: { retry_ms: pauseMs },
      });
      clock.advance(pauseMs - 1);
      expect(workers.length).toBe(before);
      clock.advance(1);
      await waitFor(async () => (await serving(all)) === 1, "the successor");
    }
    expect(await pool.describe()).toMatchObject([{ restarts: promptWorkerRestarts + 2 }]);
  });

  test("does not start when a worker can't", async () => {
    const { pool, failNext, logger } = setup(1);
    failNext(1);
    await expect(pool.start()).rejects.toThrow("a worker could not be started");
    expect(logger.entries[0]).toMatchObject({
      message: "Unable to start worker",
      fields: { error: "no memory" },
    });
  });

  test("asks another one when the first dies over a question", async () => {
    const { pool, workers } = setup();
    await pool.start();
    workers[0]!.hangs = new Promise(() => {});
    const question = { service: "web", pathAndQuery: "/", host: "a.test" };
    const asked = pool.askTarget(question, new AbortController().signal);
    await waitFor(() => workers[0]!.calls.includes("askTarget"), "the question");
    workers[0]!.die("SIGKILL");
    expect(await asked).toEqual({ status: 200, body: "worker 101" });
  });

  test("replaces nobody when it ends", async () => {
    const { pool, workers } = setup();
    await pool.start();
    await pool.finish(0);
    await pool.end();
    expect(workers).toHaveLength(2);
    expect(workers.map(({ calls }) => calls.slice(-2))).toEqual([
      ["finish", "end"],
      ["finish", "end"],
    ]);
  });
});
