import { describe, expect, test } from "bun:test";
import type { DeadlineEntry, DeadlineQueue } from "../../../../../src/lib/deadline-queue.ts";
import {
  ConnectionPool,
  type PoolableConnection,
} from "../../../../../src/data-plane/upstream/http1/connection-pool.ts";
import { ManualClock } from "../../../../support/manual-clock.ts";

class FakeConnection implements PoolableConnection {
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;
  closed = false;

  constructor(readonly name: string) {}

  close(): void {
    this.deadlineQueue?.delete(this);
    this.closed = true;
  }

  onDeadline(): void {
    this.close();
  }
}

const limits = { maxIdleConnections: 2, idleTimeoutMs: 90_000, surplusTimeoutMs: 1_000 };

function poolOf(clock: ManualClock, ...names: string[]) {
  const pool = new ConnectionPool<FakeConnection>(clock, limits);
  const connections = names.map((name) => new FakeConnection(name));
  for (const connection of connections) pool.put(connection);
  return { pool, connections };
}

describe("ConnectionPool", () => {
  test("hands out the connection that was used last", () => {
    const { pool } = poolOf(new ManualClock(), "a", "b");
    expect(pool.take()?.name).toBe("b");
    expect(pool.take()?.name).toBe("a");
    expect(pool.take()).toBeNull();
  });

  test("closes what was idle for too long, the oldest first", () => {
    const clock = new ManualClock();
    const { pool, connections } = poolOf(clock, "a");
    clock.advance(50_000);
    const later = new FakeConnection("b");
    pool.put(later);
    clock.advance(40_000);
    expect([connections[0]!.closed, later.closed]).toEqual([true, false]);
    expect(pool.size).toBe(1);
    clock.advance(50_000);
    expect(later.closed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("keeps connections beyond the maximum for a moment only", () => {
    const clock = new ManualClock();
    const { pool, connections } = poolOf(clock, "a", "b", "c", "d");
    expect(pool.size).toBe(4);
    expect(pool.take()?.name).toBe("d");
    clock.advance(1_000);
    expect(connections.map((connection) => connection.closed)).toEqual([false, false, true, false]);
    expect(pool.size).toBe(2);
  });

  test("closes a connection before its target does, and takes such a one first", () => {
    const clock = new ManualClock();
    const { pool, connections } = poolOf(clock, "a");
    const short = new FakeConnection("short");
    pool.put(short, 4_000);
    expect(pool.size).toBe(2);
    expect(pool.take()?.name).toBe("short");
    pool.put(short, 4_000);
    clock.advance(3_999);
    expect(short.closed).toBe(false);
    clock.advance(1);
    expect([short.closed, connections[0]!.closed, pool.size]).toEqual([true, false, 1]);
  });

  test("keeps none longer than its own limits, whatever the target says", () => {
    const clock = new ManualClock();
    const { pool, connections } = poolOf(clock);
    const long = new FakeConnection("long");
    pool.put(long, 3_600_000);
    clock.advance(90_000);
    expect([long.closed, connections.length]).toEqual([true, 0]);
  });

  test("forgets a connection that closes itself", () => {
    const { pool, connections } = poolOf(new ManualClock(), "a", "b");
    connections[1]!.close();
    expect(pool.size).toBe(1);
    expect(pool.take()?.name).toBe("a");
  });

  test("closes all that are idle when cleared", () => {
    const clock = new ManualClock();
    const { pool, connections } = poolOf(clock, "a", "b", "c");
    const busy = pool.take();
    pool.clear();
    expect(connections.map((connection) => connection.closed)).toEqual([true, true, false]);
    expect(busy?.name).toBe("c");
    clock.advance(90_000);
    expect([busy?.closed, clock.pendingTimers]).toEqual([false, 0]);
  });
});
