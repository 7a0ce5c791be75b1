/** The open connections of a listener, looked after by one coarse timer. */
import type { Clock, Timer } from "../../../lib/clock.ts";
import type { ClientConnection } from "./client-connection.ts";

export class ConnectionSet {
  readonly #connections = new Set<ClientConnection>();
  /** Those that were handed over: nothing of theirs is timed or waited for. */
  readonly #tunnels = new Set<ClientConnection>();
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #timer: Timer | null = null;
  #onEmpty: (() => void) | null = null;
  /** Running time of the last sweep: exact enough for timeouts of seconds, and free to read. */
  nowMs: number;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.nowMs = clock.runningMs();
  }

  get size(): number {
    return this.#connections.size + this.#tunnels.size;
  }

  add(connection: ClientConnection): void {
    this.#connections.add(connection);
    if (this.#timer === null) this.#arm();
  }

  /** The connection has become a tunnel. */
  upgraded(connection: ClientConnection): void {
    this.delete(connection);
    this.#tunnels.add(connection);
  }

  delete(connection: ClientConnection): void {
    this.#tunnels.delete(connection);
    if (!this.#connections.delete(connection)) return;
    if (this.#connections.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#onEmpty?.();
  }

  /** Lets every connection finish what is under way; resolves when all but tunnels are closed. */
  finishAll(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    if (this.#connections.size === 0) resolve();
    for (const connection of this.#connections) connection.finish();
    return promise;
  }

  destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const tunnel of this.#tunnels) tunnel.destroy();
  }

  #arm(): void {
    this.nowMs = this.#clock.runningMs();
    this.#timer = this.#clock.after(this.#intervalMs, (readUntilMs) => {
      this.#timer = null;
      this.nowMs = readUntilMs;
      for (const connection of this.#connections) connection.sweep(this.nowMs);
      if (this.#connections.size > 0 && this.#timer === null) this.#arm();
    });
  }
}
