/**
 * Idle connections to one target: of those that are kept equally long, the one used last is taken first, so
 * that surplus ones grow old and are closed; those that must go sooner come before. Generic over what it
 * holds: a connection closes itself when its deadline passes.
 */
import type { Clock } from "../../../lib/clock.ts";
import { DeadlineQueue, type DeadlineEntry } from "../../../lib/deadline-queue.ts";

export interface PoolableConnection extends DeadlineEntry {
  close(): void;
}

export interface PoolLimits {
  maxIdleConnections: number;
  idleTimeoutMs: number;
  /**
   * How long connections beyond the maximum are kept. Under even load with more connections than the
   * maximum, idle moments are short; closing at once would mean a new connection for most requests.
   */
  surplusTimeoutMs: number;
}

export class ConnectionPool<C extends PoolableConnection> {
  readonly #clock: Clock;
  readonly #limits: PoolLimits;
  /** One for each time that connections are kept, the shortest first. */
  readonly #queues: { keptMs: number; connections: DeadlineQueue }[] = [];

  constructor(clock: Clock, limits: PoolLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    let size = 0;
    for (const { connections } of this.#queues) size += connections.size;
    return size;
  }

  /** `lifeMs`: how long its target keeps it open. */
  put(connection: C, lifeMs = Infinity): void {
    const { maxIdleConnections, idleTimeoutMs, surplusTimeoutMs } = this.#limits;
    const timeoutMs = this.size < maxIdleConnections ? idleTimeoutMs : surplusTimeoutMs;
    this.#queueOf(Math.min(timeoutMs, lifeMs)).add(connection);
  }

  /** A connection, no longer in the pool; null when there is none. */
  take(): C | null {
    for (const { connections } of this.#queues) {
      const connection = connections.last;
      if (connection === null) continue;
      connections.delete(connection);
      // Only `put` adds to the queues.
      return connection as C;
    }
    return null;
  }

  /** Closes all that are idle now. */
  clear(): void {
    for (;;) {
      const connection = this.take();
      if (connection === null) return;
      connection.close();
    }
  }

  /** A target names whole seconds below the idle timeout: there are never more than a hundred. */
  #queueOf(keptMs: number): DeadlineQueue {
    const queues = this.#queues;
    let index = 0;
    while (index < queues.length && queues[index]!.keptMs < keptMs) index++;
    if (queues[index]?.keptMs === keptMs) return queues[index]!.connections;
    const connections = new DeadlineQueue(this.#clock, keptMs);
    queues.splice(index, 0, { keptMs, connections });
    return connections;
  }
}
