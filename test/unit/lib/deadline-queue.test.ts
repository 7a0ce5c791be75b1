import { describe, expect, test } from "bun:test";
import {
  type DeadlineEntry,
  DeadlineQueue,
  DeadlineQueues,
} from "../../../src/lib/deadline-queue.ts";
import { ManualClock } from "../../support/manual-clock.ts";

class Entry implements DeadlineEntry {
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;
  firedAtMs: number[] = [];
  next: (() => void) | null = null;

  constructor(readonly clock: ManualClock) {}

  onDeadline(): void {
    this.firedAtMs.push(this.clock.now());
    this.next?.();
  }
}

describe("DeadlineQueue", () => {
  test("fires each entry at its own moment", () => {
    const clock = new ManualClock();
    const startMs = clock.now();
    const queue = new DeadlineQueue(clock, 100);
    const [a, b, c] = [new Entry(clock), new Entry(clock), new Entry(clock)];
    queue.add(a);
    clock.advance(30);
    queue.add(b);
    queue.add(c);
    clock.advance(69);
    expect(a.firedAtMs).toEqual([]);
    clock.advance(1);
    expect(a.firedAtMs).toEqual([startMs + 100]);
    clock.advance(100);
    expect([b.firedAtMs, c.firedAtMs]).toEqual([[startMs + 130], [startMs + 130]]);
    expect(queue.size).toBe(0);
  });

  test("does not fire what was deleted, wherever it stood", () => {
    const clock = new ManualClock();
    const queue = new DeadlineQueue(clock, 100);
    const entries = Array.from({ length: 5 }, () => new Entry(clock));
    for (const entry of entries) queue.add(entry);
    for (const index of [0, 2, 4]) expect(queue.delete(entries[index]!)).toBe(true);
    expect(queue.delete(entries[0]!)).toBe(false);
    expect(queue.size).toBe(2);
    expect(queue.first).toBe(entries[1]!);
    expect(queue.last).toBe(entries[3]!);
    clock.advance(1_000);
    expect(entries.map((entry) => entry.firedAtMs.length)).toEqual([0, 1, 0, 1, 0]);
  });

  test("has one timer at most, which stays while entries come and go, and ends when none have come", () => {
    const clock = new ManualClock();
    const queue = new DeadlineQueue(clock, 100);
    const [a, b] = [new Entry(clock), new Entry(clock)];
    expect(clock.pendingTimers).toBe(0);
    queue.add(a);
    queue.add(b);
    expect(clock.pendingTimers).toBe(1);
    queue.delete(a);
    expect(clock.pendingTimers).toBe(1);
    queue.delete(b);
    clock.advance(60);
    queue.add(a);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(40);
    expect([a.firedAtMs.length, clock.pendingTimers]).toEqual([0, 1]);
    queue.delete(a);
    clock.advance(60);
    expect([a.firedAtMs.length, clock.pendingTimers]).toEqual([0, 0]);
    queue.add(a);
    clock.advance(100);
    expect([a.firedAtMs.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  test("starts the time of an entry anew when it is added again", () => {
    const clock = new ManualClock();
    const startMs = clock.now();
    const queues = new DeadlineQueues(clock);
    const entry = new Entry(clock);
    queues.of(100).add(entry);
    clock.advance(60);
    queues.of(100).add(entry);
    clock.advance(60);
    expect(entry.firedAtMs).toEqual([]);
    queues.of(10).add(entry);
    clock.advance(500);
    expect(entry.firedAtMs).toEqual([startMs + 130]);
    expect(queues.of(100).size).toBe(0);
  });

  test("bears entries that add and delete while it fires", () => {
    const clock = new ManualClock();
    const startMs = clock.now();
    const queue = new DeadlineQueue(clock, 100);
    const [a, b, c] = [new Entry(clock), new Entry(clock), new Entry(clock)];
    queue.add(a);
    queue.add(b);
    a.next = () => {
      queue.delete(b);
      queue.add(c);
    };
    clock.advance(100);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(100);
    expect(b.firedAtMs).toEqual([]);
    expect(c.firedAtMs).toEqual([startMs + 200]);
  });

  test("goes on after an entry that throws", () => {
    const clock = new ManualClock();
    const queue = new DeadlineQueue(clock, 100);
    const [a, b] = [new Entry(clock), new Entry(clock)];
    a.next = () => {
      throw new Error("broken entry");
    };
    queue.add(a);
    queue.add(b);
    expect(() => clock.advance(100)).toThrow("broken entry");
    clock.advance(100);
    expect(b.firedAtMs.length).toBe(1);
  });
});
