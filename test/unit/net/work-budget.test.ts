import { describe, expect, test } from "bun:test";
import { freeWorkUnits, workSliceMs, workTurnMs } from "../../../src/config/limits.ts";
import { ListMember } from "../../../src/lib/member-list.ts";
import { type BudgetedReader, WorkBudget } from "../../../src/net/work-budget.ts";

/** An event loop whose turns the test takes, and a clock that moves by the work that is done. */
class ScriptedLoop {
  nowMs = 1_000;
  #later: (() => void)[] = [];
  readonly budget = new WorkBudget({
    nowMs: () => this.nowMs,
    later: (callback) => void this.#later.push(callback),
  });

  get asked(): number {
    return this.#later.length;
  }

  turn(): void {
    const due = this.#later;
    this.#later = [];
    for (const callback of due) callback();
  }
}

/** Keeps so many pieces, each of which takes the time that its units stand for. */
class Reader extends ListMember implements BudgetedReader {
  readonly #loop: ScriptedLoop;
  readonly #done: Reader[];
  pieces: number;
  failed: Error | null = null;
  onPiece = (): void => {};

  constructor(loop: ScriptedLoop, pieces: number, done: Reader[] = []) {
    super();
    this.#loop = loop;
    this.pieces = pieces;
    this.#done = done;
  }

  readOn(): void {
    const { budget } = this.#loop;
    budget.begin(this);
    while (this.pieces > 0 && budget.spend(this, 1)) {
      this.pieces--;
      this.#done.push(this);
      this.#loop.nowMs += 0.001;
      this.onPiece();
    }
  }

  fail(error: Error): void {
    this.failed = error;
  }
}

describe("the work budget", () => {
  test("lets a read do a few pieces without asking anybody, whoever waits", () => {
    const loop = new ScriptedLoop();
    const light = new Reader(loop, freeWorkUnits);
    light.readOn();
    expect(light.pieces).toBe(0);
    expect(loop.asked).toBe(0);

    for (let i = 0; i < 8; i++) new Reader(loop, 10_000).readOn();
    const late = new Reader(loop, freeWorkUnits);
    late.readOn();
    expect(late.pieces).toBe(0);
  });

  test("stops a reader after its slice, and calls it again in a later turn until all is done", () => {
    const loop = new ScriptedLoop();
    const reader = new Reader(loop, 5_000);
    const beganMs = loop.nowMs;
    reader.readOn();
    expect(reader.pieces).toBeGreaterThan(0);
    expect(loop.nowMs - beganMs).toBeLessThan(2 * workSliceMs);
    for (let turn = 0; turn < 100 && reader.pieces > 0; turn++) loop.turn();
    expect(reader.pieces).toBe(0);
    loop.turn();
    expect(loop.asked).toBe(0);
  });

  test("gives all that wait together one turn's time, however many they are", () => {
    const loop = new ScriptedLoop();
    const readers = Array.from({ length: 1_000 }, () => new Reader(loop, 1_000));
    for (const reader of readers) loop.budget.wait(reader);
    for (let turn = 0; turn < 100; turn++) {
      const beganMs = loop.nowMs;
      loop.turn();
      expect(loop.nowMs - beganMs).toBeLessThan(2 * workTurnMs);
      expect(loop.asked).toBe(1);
    }
  });

  test("takes those that wait in turn", () => {
    const loop = new ScriptedLoop();
    const done: Reader[] = [];
    const readers = Array.from({ length: 3 }, () => new Reader(loop, 3_000, done));
    for (const reader of readers) loop.budget.wait(reader);
    while (loop.asked > 0) loop.turn();
    const order = done.filter((reader, index) => reader !== done[index - 1]);
    expect(order.slice(0, 4)).toEqual([readers[0]!, readers[1]!, readers[2]!, readers[0]!]);
    expect(readers.map(({ pieces }) => pieces)).toEqual([0, 0, 0]);
  });

  test("counts what comes while others wait against the same turn", () => {
    const loop = new ScriptedLoop();
    for (let i = 0; i < 8; i++) loop.budget.wait(new Reader(loop, 10_000));
    loop.turn();
    const beganMs = loop.nowMs;
    for (let i = 0; i < 8; i++) new Reader(loop, 10_000).readOn();
    expect(loop.nowMs - beganMs).toBeLessThan(workTurnMs);
  });

  test("ends a reader that throws, and goes on with the others", () => {
    const loop = new ScriptedLoop();
    const broken = new Reader(loop, 10);
    broken.onPiece = () => {
      throw new Error("broken");
    };
    const other = new Reader(loop, 10);
    loop.budget.wait(broken);
    loop.budget.wait(other);
    expect(() => loop.turn()).toThrow("broken");
    expect(broken.failed?.message).toBe("broken");
    loop.turn();
    expect(other.pieces).toBe(0);
  });
});
