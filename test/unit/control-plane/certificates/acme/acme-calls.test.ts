import { expect, test } from "bun:test";
import { AcmeCalls } from "../../../../../src/control-plane/certificates/acme/acme-calls.ts";
import {
  AcmeError,
  type AcmeErrorKind,
} from "../../../../../src/control-plane/certificates/acme/acme-error.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";
import { waitFor } from "../../../../support/wait-for.ts";

class Setup {
  readonly clock = new ManualClock();
  readonly abort = new AbortController();
  /** What was told of pauses, with their seconds. */
  readonly postponed: [reason: string, seconds: number][] = [];
  readonly calls = new AcmeCalls({
    clock: this.clock,
    deadlineMs: this.clock.now() + 300_000,
    signal: this.abort.signal,
    postponed: ({ message }, pauseMs) => this.postponed.push([message, pauseMs / 1_000]),
  });
  /** Seconds since the start at which the call was made. */
  readonly times: number[] = [];
  readonly #startMs = this.clock.now();

  fail(kind: AcmeErrorKind, retryAfterMs: number | null = null): () => Promise<string> {
    return async () => {
      this.times.push((this.clock.now() - this.#startMs) / 1_000);
      throw new AcmeError(kind, "no", { retryAfterMs });
    };
  }

  /** Lets time pass until the promise is settled. */
  async settle(promise: Promise<unknown>): Promise<unknown> {
    let result: unknown;
    const state = { isSettled: false };
    void promise.then(
      (value) => {
        result = value;
        state.isSettled = true;
      },
      (error: unknown) => {
        result = error;
        state.isSettled = true;
      },
    );
    while (!state.isSettled) {
      if (this.clock.pendingTimers > 0) this.clock.advance(250);
      await new Promise(setImmediate);
    }
    return result;
  }
}

test("acme-calls repeat when the authority is busy, after growing pauses", async () => {
  const setup = new Setup();
  const busy = setup.fail("busy");
  const result = await setup.settle(
    setup.calls.run("newOrder", () => (setup.times.length < 5 ? busy() : Promise.resolve("done"))),
  );
  expect(result).toBe("done");
  expect(setup.times).toEqual([0, 1, 3, 7, 15]);
  expect(setup.postponed).toEqual([1, 2, 4, 8, 16].map((seconds) => ["newOrder: no", seconds]));
});

test("acme-calls wait as long as the authority says", async () => {
  const setup = new Setup();
  const busy = setup.fail("busy", 60_000);
  const result = await setup.settle(
    setup.calls.run("newOrder", () => (setup.times.length < 2 ? busy() : Promise.resolve("done"))),
  );
  expect(result).toBe("done");
  expect(setup.times).toEqual([0, 60]);
});

test("acme-calls do not wait beyond the deadline", async () => {
  const setup = new Setup();
  const error = await setup.settle(setup.calls.run("newOrder", setup.fail("busy", 3_600_000)));
  expect(setup.times).toEqual([0]);
  expect(error).toMatchObject({ kind: "busy", retryAfterMs: 3_600_000, message: "newOrder: no" });
});

test("acme-calls do not repeat what was refused", async () => {
  const setup = new Setup();
  const error = await setup.settle(setup.calls.run("newOrder", setup.fail("refused")));
  expect(setup.times).toEqual([0]);
  expect(error).toMatchObject({ kind: "refused", message: "newOrder: no" });
});

test("acme-calls try twice more when there was no answer", async () => {
  const setup = new Setup();
  const error = await setup.settle(setup.calls.run("directory", setup.fail("unreachable")));
  expect(setup.times).toEqual([0, 0.25, 0.75]);
  expect(error).toMatchObject({ kind: "unreachable" });
});

test("acme-calls look at something unfinished less and less often", async () => {
  const setup = new Setup();
  const startMs = setup.clock.now();
  const times: number[] = [];
  const result = await setup.settle(
    setup.calls.poll(
      async () => {
        times.push(setup.clock.now() - startMs);
        return times.length;
      },
      (count) => count < 5,
    ),
  );
  expect(result).toBe(5);
  expect(times).toEqual([0, 250, 750, 1_750, 3_750]);
});

test("acme-calls end their pause when nobody wants the certificate any more", async () => {
  const setup = new Setup();
  const call = setup.calls.run("newOrder", setup.fail("busy", 60_000));
  await waitFor(() => setup.clock.pendingTimers === 1, "the pause");
  setup.abort.abort(new AcmeError("unreachable", "unwanted"));
  await expect(call).rejects.toThrow("unwanted");
  expect(setup.clock.pendingTimers).toBe(0);
});
