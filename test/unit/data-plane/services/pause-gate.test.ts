import { describe, expect, test } from "bun:test";
import type { Pause } from "../../../../src/config/options.ts";
import { PauseGate, type HeldRequest } from "../../../../src/data-plane/services/pause-gate.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const running: Pause = { state: "running", stopMessage: "", failAfterMs: 0 };
const stopped: Pause = { state: "stopped", stopMessage: "Back soon", failAfterMs: 0 };

function paused(failAfterMs: number): Pause {
  return { state: "paused", stopMessage: "", failAfterMs };
}

function setup(maxHeld = 100) {
  const clock = new ManualClock();
  const gate = new PauseGate(clock, maxHeld);
  const log: string[] = [];
  const hold = (name: string): HeldRequest => {
    const held = gate.enter();
    if (typeof held === "string") throw new Error(`not held: ${held}`);
    held.onOutcome = (outcome) => log.push(`${name} ${outcome}`);
    return held;
  };
  return { clock, gate, log, hold };
}

describe("PauseGate", () => {
  test("is open while running and closed while stopped", () => {
    const { gate } = setup();
    expect(gate.enter()).toBe("open");
    gate.update(stopped);
    expect(gate.enter()).toBe("stopped");
    expect(gate.stopMessage).toBe("Back soon");
    gate.update(running);
    expect(gate.enter()).toBe("open");
  });

  test("releases held requests in order of arrival and leaves no timer", () => {
    const { clock, gate, log, hold } = setup();
    gate.update(paused(1_000));
    for (const name of ["a", "b", "c"]) hold(name);
    expect(gate.heldCount).toBe(3);
    expect(log).toEqual([]);
    gate.update(running);
    expect(log).toEqual(["a released", "b released", "c released"]);
    expect(gate.heldCount).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("answers held requests when the service is stopped", () => {
    const { clock, gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a");
    gate.update(stopped);
    expect(log).toEqual(["a stopped"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("counts the time of each request from its own arrival", () => {
    const { clock, gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a");
    clock.advance(600);
    hold("b");
    clock.advance(399);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(["a expired"]);
    expect(gate.heldCount).toBe(1);
    clock.advance(600);
    expect(log).toEqual(["a expired", "b expired"]);
  });

  test("a second pause counts for later requests only", () => {
    const { clock, gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a");
    gate.update(paused(100));
    hold("b");
    clock.advance(100);
    expect(log).toEqual(["b expired"]);
    clock.advance(900);
    expect(log).toEqual(["b expired", "a expired"]);
  });

  test("holds nothing when the longest pause is zero", () => {
    const { clock, gate } = setup();
    gate.update(paused(0));
    expect(gate.enter()).toBe("expired");
    expect(clock.pendingTimers).toBe(0);
  });

  test("is full at its limit, and a request that leaves frees its place", () => {
    const { clock, gate, log, hold } = setup(2);
    gate.update(paused(1_000));
    const first = hold("a");
    hold("b");
    expect(gate.enter()).toBe("full");
    first.leave();
    expect(gate.heldCount).toBe(1);
    hold("c");
    expect(gate.enter()).toBe("full");
    gate.update(running);
    expect(log).toEqual(["b released", "c released"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a request that leaves while others are released is not called", () => {
    const { gate, log, hold } = setup();
    gate.update(paused(1_000));
    const first = hold("a");
    const second = hold("b");
    first.onOutcome = () => second.leave();
    gate.update(running);
    expect(log).toEqual([]);
  });

  test("holds what enters again during a release until the next one", () => {
    const { gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a").onOutcome = () => {
      gate.update(paused(1_000));
      hold("again");
    };
    hold("b");
    gate.update(running);
    expect(log).toEqual(["b released"]);
    expect(gate.heldCount).toBe(1);
    gate.update(running);
    expect(log).toEqual(["b released", "again released"]);
  });

  test("releases the others when one of them fails", () => {
    const { gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a").onOutcome = () => {
      throw new Error("broken");
    };
    hold("b");
    expect(() => gate.update(running)).toThrow("held requests failed");
    expect(log).toEqual(["b released"]);
  });

  test("answers held requests when its service is removed, and turns later ones away", () => {
    const { clock, gate, log, hold } = setup();
    gate.update(paused(1_000));
    hold("a");
    gate.close();
    expect(log).toEqual(["a removed"]);
    expect(gate.enter()).toBe("stopped");
    expect(clock.pendingTimers).toBe(0);
  });
});
