import { describe, expect, test } from "bun:test";
import { spanLimits } from "../../../../src/config/span-limits.ts";
import { SpanExporter } from "../../../../src/data-plane/telemetry/span-exporter.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { RecordingLogger } from "../../../support/recording-logger.ts";
import { waitFor } from "../../../support/wait-for.ts";

const { batchSize, intervalMs, maxWaiting, maxWaitingBytes, timeoutMs } = spanLimits;

function setup(answer: (spans: string[], signal: AbortSignal) => Promise<number>) {
  const clock = new ManualClock();
  const logger = new RecordingLogger();
  const posts: string[][] = [];
  const exporter = new SpanExporter({
    clock,
    logger,
    format: (spans) => spans.join(" "),
    post(body, signal) {
      const spans = body.split(" ");
      posts.push(spans);
      return answer(spans, signal);
    },
  });
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) exporter.add(`s${i}`);
  };
  return { clock, logger, posts, exporter, add };
}

/** What was begun without waiting for anything has ended. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

describe("SpanExporter", () => {
  test("sends what has come in a while at once, and nothing without spans", async () => {
    const { clock, posts, exporter, add } = setup(async () => 200);
    clock.advance(intervalMs * 5);
    expect(posts).toEqual([]);
    add(3);
    clock.advance(intervalMs - 1);
    expect(posts).toEqual([]);
    clock.advance(1);
    expect(posts).toEqual([["s0", "s1", "s2"]]);
    await waitFor(() => exporter.counts.exported === 3, "the spans");
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not wait when there are many, and sends no more at a time", async () => {
    const { clock, posts, exporter, add } = setup(async () => 200);
    add(batchSize * 2 + 1);
    expect(posts.map((spans) => spans.length)).toEqual([batchSize]);
    await waitFor(() => {
      clock.advance(intervalMs);
      return exporter.counts.exported === batchSize * 2 + 1;
    }, "all spans");
    expect(posts.map((spans) => spans.length)).toEqual([batchSize, batchSize, 1]);
  });

  test("keeps what a collector did not take for later, asks less and less often, and drops beyond its limit", async () => {
    let isUp = false;
    const { clock, logger, posts, exporter, add } = setup(async () => {
      if (!isUp) throw new Error("connection refused");
      return 200;
    });
    add(maxWaiting + 100);
    expect(exporter.counts).toEqual({ exported: 0, dropped: 100 });
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      await nextTurn();
      const before = posts.length;
      const begunMs = clock.now();
      for (let step = 0; step < 1_000 && posts.length === before; step++) clock.advance(100);
      times.push(clock.now() - begunMs);
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 16_000, 32_000]);
    expect(logger.messages("warn")).toEqual(["Unable to export spans"]);
    isUp = true;
    await waitFor(() => {
      clock.advance(60_000);
      return exporter.counts.exported === maxWaiting;
    }, "the spans");
    expect(exporter.counts).toEqual({ exported: maxWaiting, dropped: 100 });
  });

  test("has a limit in bytes as well", async () => {
    const { exporter } = setup(() => new Promise(() => {}));
    const span = "x".repeat(maxWaitingBytes / 4);
    for (let i = 0; i < 6; i++) exporter.add(span);
    expect(exporter.counts.dropped).toBe(2);
  });

  test("tries again what may be taken later, and drops what was refused", async () => {
    const statuses = [503, 429, 400, 200];
    const { clock, logger, posts, exporter, add } = setup(async () => statuses[posts.length - 1]!);
    add(2);
    await waitFor(() => {
      clock.advance(intervalMs);
      return exporter.counts.dropped === 2;
    }, "the refusal");
    expect(posts.length).toBe(3);
    expect(logger.find("Collector refused spans")?.fields).toEqual({
      error: "the collector answered 400",
      spans: 2,
    });
    add(1);
    clock.advance(intervalMs);
    await waitFor(() => exporter.counts.exported === 1, "the next span");
  });

  test("gives up a collector that does not answer", async () => {
    let aborted = 0;
    const { clock, logger, exporter, add } = setup(
      (_spans, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted++;
            reject(signal.reason);
          });
        }),
    );
    add(1);
    clock.advance(intervalMs);
    clock.advance(timeoutMs);
    await waitFor(() => logger.find("Unable to export spans"), "the warning");
    expect([aborted, exporter.counts.exported]).toEqual([1, 0]);
    expect(logger.find("Unable to export spans")?.fields).toEqual({
      error: "the collector did not answer in time",
    });
  });

  test("sends the last ones at its end, and does not wait for ever", async () => {
    const good = setup(async () => 200);
    good.add(3);
    await good.exporter.close(500);
    expect(good.exporter.counts.exported).toBe(3);
    const hanging = setup(() => new Promise(() => {}));
    hanging.add(3);
    const closed = hanging.exporter.close(500);
    hanging.clock.advance(500);
    await closed;
    expect(hanging.exporter.counts.exported).toBe(0);
    const down = setup(() => Promise.reject(new Error("refused")));
    down.add(3);
    await down.exporter.close(500);
    expect(down.posts.length).toBe(1);
  });
});
