import { expect, test } from "bun:test";
import { ConcurrencyLimit } from "../../../src/lib/concurrency-limit.ts";
import { waitFor } from "../../support/wait-for.ts";

test("concurrency-limit starts the next task when one ends, in order", async () => {
  const limit = new ConcurrencyLimit(2);
  const started: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const done = gates.map((gate, index) =>
    limit.run(async () => {
      started.push(index);
      await gate.promise;
    }),
  );
  expect(started).toEqual([0, 1]);
  gates[1]!.resolve();
  await waitFor(() => started.length === 3, "the third task");
  gates[0]!.resolve();
  gates[2]!.resolve();
  gates[3]!.resolve();
  await Promise.all(done);
  expect(started).toEqual([0, 1, 2, 3]);
});

test("concurrency-limit refuses a task when too many wait", async () => {
  const limit = new ConcurrencyLimit(1, 1);
  const gate = Promise.withResolvers<void>();
  const first = limit.run(() => gate.promise);
  const second = limit.run(async () => {});
  expect(limit.run(async () => {})).toBeNull();
  gate.resolve();
  await Promise.all([first, second]);
  expect(limit.run(async () => {})).not.toBeNull();
});

test("concurrency-limit gives the place back when a task fails", async () => {
  const limit = new ConcurrencyLimit(1);
  const failing = limit.run(async () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await limit.run(async () => "ran")).toBe("ran");
});
