/**
 * Idle connections to one target: the one used last is taken first, so that surplus ones grow old and
 * are closed. Generic over what it holds: a connection closes itself when its deadline passes.
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
  readonly #maxIdle: number;
  readonly #kept: DeadlineQueue;
  readonly #surplus: DeadlineQueue;

  constructor(clock: Clock, limits: PoolLimits) {
    this.#maxIdle = limits.maxIdleConnections;
    this.#kept = new DeadlineQueue(clock, limits.idleTimeoutMs);
    this.#surplus = new DeadlineQueue(clock, limits.surplusTimeoutMs);
  }

  get size(): number {
    return this.#kept.size + this.#surplus.size;
  }

  put(connection: C): void {
    (this.#kept.size < this.#maxIdle ? this.#kept : this.#surplus).add(connection);
  }

  /** The connection that was put in last, no longer in the pool; null when there is none. */
  take(): C | null {
    const connection = this.#surplus.last ?? this.#kept.last;
    if (connection === null) return null;
    connection.deadlineQueue?.delete(connection);
    // Only `put` adds to the queues.
    return connection as C;
  }

  /** Closes all that are idle now. */
  clear(): void {
    for (;;) {
      const connection = this.take();
      if (connection === null) return;
      connection.close();
    }
  }
}
