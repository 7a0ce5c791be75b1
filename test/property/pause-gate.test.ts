import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  PauseGate,
  type HeldRequest,
  type HoldOutcome,
} from "../../src/data-plane/services/pause-gate.ts";
import { ManualClock } from "../support/manual-clock.ts";

const maxHeld = 5;
const action = fc.oneof(
  fc.constant({ kind: "enter" } as const),
  fc.record({ kind: fc.constant("leave" as const), index: fc.nat(20) }),
  fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    kind: fc.constant("update" as const),
    state: fc.constantFrom("running" as const, "paused" as const, "stopped" as const),
    failAfterMs: fc.integer({ min: 0, max: 60 }),
  }),
);

interface Waiting {
  id: number;
  dueMs: number;
  held: HeldRequest;
}

/** The gate as a plain list. */
class Model {
  waiting: Waiting[] = [];
  outcomes: [id: number, HoldOutcome][] = [];
  state: "running" | "paused" | "stopped" = "running";
  failAfterMs = 0;

  expire(nowMs: number): void {
    const due = this.waiting.filter(({ dueMs }) => dueMs <= nowMs);
    due.sort((a, b) => a.dueMs - b.dueMs || a.id - b.id);
    for (const { id } of due) this.outcomes.push([id, "expired"]);
    this.waiting = this.waiting.filter(({ dueMs }) => dueMs > nowMs);
  }

  answerAll(outcome: HoldOutcome): void {
    for (const { id } of this.waiting) this.outcomes.push([id, outcome]);
    this.waiting = [];
  }

  expectedAdmission(): string {
    if (this.state !== "paused") return this.state === "running" ? "open" : "stopped";
    if (this.failAfterMs === 0) return "expired";
    return this.waiting.length >= maxHeld ? "full" : "held";
  }
}

test("PauseGate answers every held request once, in order, within its time", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const clock = new ManualClock();
      const gate = new PauseGate(clock, maxHeld);
      const model = new Model();
      const outcomes: [id: number, HoldOutcome][] = [];
      let nextId = 0;
      for (const step of actions) {
        if (step.kind === "enter") {
          const id = nextId++;
          const expected = model.expectedAdmission();
          const entered = gate.enter();
          expect(typeof entered === "string" ? entered : "held").toBe(expected);
          if (typeof entered === "string") continue;
          entered.onOutcome = (outcome) => outcomes.push([id, outcome]);
          model.waiting.push({ id, dueMs: clock.now() + model.failAfterMs, held: entered });
        } else if (step.kind === "leave") {
          const [gone] = model.waiting.splice(step.index % Math.max(1, model.waiting.length), 1);
          gone?.held.leave();
        } else if (step.kind === "advance") {
          clock.advance(step.ms);
          model.expire(clock.now());
        } else {
          const { state, failAfterMs } = step;
          model.state = state;
          model.failAfterMs = failAfterMs;
          if (state === "running") model.answerAll("released");
          if (state === "stopped") model.answerAll("stopped");
          gate.update({ state, failAfterMs, stopMessage: "" });
        }
        expect(outcomes).toEqual(model.outcomes);
        expect(gate.heldCount).toBe(model.waiting.length);
        expect(clock.pendingTimers).toBe(model.waiting.length);
      }
    }),
    { numRuns: 500 },
  );
});
