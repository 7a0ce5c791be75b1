import { beforeEach, expect, test } from "bun:test";
import { handshakePatienceMs } from "../../../../../src/config/limits.ts";
import { HandshakeTurns } from "../../../../../src/data-plane/listeners/accept/handshake-turns.ts";

let nowMs: number;
let later: (() => void)[];
let begun: string[];
let turns: HandshakeTurns;
beforeEach(() => {
  nowMs = 0;
  later = [];
  begun = [];
  turns = new HandshakeTurns({ nowMs: () => nowMs, later: (callback) => later.push(callback) });
});

/** Returns how it leaves; null: it has begun. */
function arrive(name: string): (() => void) | null {
  if (!turns.take()) return turns.wait(() => begun.push(name));
  begun.push(name);
  return null;
}

/** What begins in the next turn. */
function nextTurn(): string[] {
  begun = [];
  for (const callback of later.splice(0)) callback();
  return begun;
}

test("one begins in each turn, in the order of arrival", () => {
  for (const name of ["a", "b", "c"]) arrive(name);
  expect(begun).toEqual(["a"]);
  expect(nextTurn()).toEqual(["b"]);
  expect(nextTurn()).toEqual(["c"]);
  expect(nextTurn()).toEqual([]);
  expect(later).toEqual([]);
});

test("who comes while others wait is behind them", () => {
  for (const name of ["a", "b", "c"]) arrive(name);
  nextTurn();
  arrive("d");
  expect([nextTurn(), nextTurn()]).toEqual([["c"], ["d"]]);
});

test("who comes alone begins at once, each time", () => {
  for (const name of ["a", "b"]) {
    arrive(name);
    expect(begun).toEqual([name]);
    nextTurn();
  }
});

test("who has left is passed over", () => {
  arrive("a");
  const leave = arrive("b")!;
  arrive("c");
  leave();
  expect([nextTurn(), nextTurn()]).toEqual([["c"], []]);
});

test("the youngest is preferred while the oldest has waited too long", () => {
  for (const name of ["a", "b", "c"]) arrive(name);
  nowMs = handshakePatienceMs + 1;
  arrive("d");
  arrive("e");
  expect([nextTurn(), nextTurn(), nextTurn(), nextTurn()]).toEqual([["e"], ["d"], ["c"], ["b"]]);
});

test("the order is that of arrival again when those who waited too long are gone", () => {
  arrive("a");
  const leave = arrive("b")!;
  nowMs = handshakePatienceMs + 1;
  arrive("c");
  arrive("d");
  leave();
  expect([nextTurn(), nextTurn()]).toEqual([["c"], ["d"]]);
});

test("one whose beginning fails holds nobody up", () => {
  arrive("a");
  turns.wait(() => {
    throw new Error("broken");
  });
  arrive("c");
  expect(nextTurn).toThrow("broken");
  expect(nextTurn()).toEqual(["c"]);
});
