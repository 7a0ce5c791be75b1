import { expect, test } from "bun:test";
import { beatMs, RunningTime } from "../../../src/lib/running-time.ts";

test("running time goes on as long as it is looked at", () => {
  let nowMs = 100;
  const time = new RunningTime(() => nowMs);
  const startMs = time.now();
  for (let i = 0; i < 100; i++) {
    nowMs += 2 * beatMs;
    time.now();
  }
  expect(time.now() - startMs).toBe(200 * beatMs);
});

test("running time counts one beat of a pause, however long", () => {
  let nowMs = 100;
  const time = new RunningTime(() => nowMs);
  const startMs = time.now();
  nowMs += 4_000;
  expect(time.now() - startMs).toBe(beatMs);
  nowMs += 100;
  expect(time.now() - startMs).toBe(beatMs + 100);
  nowMs += 3_600_000;
  expect(time.now() - startMs).toBe(2 * beatMs + 100);
});

test("running time does not take what came before the first question for a pause", () => {
  let nowMs = 100;
  const time = new RunningTime(() => nowMs);
  nowMs += 10_000;
  const startMs = time.now();
  nowMs += 100;
  expect(time.now() - startMs).toBe(100);
});
