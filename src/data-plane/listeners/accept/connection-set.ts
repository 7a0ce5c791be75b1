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
  #onGone: (() => void) | null = null;
  #retiring = false;
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
    this.#tunnels.add(connection);
    this.#remove(connection);
  }

  delete(connection: ClientConnection): void {
    const wasTunnel = this.#tunnels.delete(connection);
    const wasConnection = this.#connections.delete(connection);
    if ((wasTunnel || wasConnection) && this.size === 0) this.#onGone?.();
    if (wasConnection) this.#emptied();
  }

  /** Resolves when none is open, no tunnel either. */
  allGone(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onGone = resolve;
    if (this.size === 0) resolve();
    return promise;
  }

  #remove(connection: ClientConnection): void {
    if (this.#connections.delete(connection)) this.#emptied();
  }

  #emptied(): void {
    if (this.#connections.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#onEmpty?.();
  }

  /** The listener is about to stop: whoever is answered from now on is told to come on another connection. */
  get retiring(): boolean {
    return this.#retiring;
  }

  /** Connections go on, and new ones may come, but none stays for long. */
  retire(): void {
    this.#retiring = true;
    this.#tellEnd();
  }

  /** Others tell it with their next answer; whoever has just come is answered first. */
  #tellEnd(): void {
    for (const connection of this.#connections) {
      if (connection.endsGently === true && !connection.isFresh) connection.finish();
    }
  }

  /** On which nobody has asked anything yet. */
  get freshCount(): number {
    let count = 0;
    for (const { isFresh } of this.#connections) if (isFresh) count += 1;
    return count;
  }

  /** All but those on which nobody has asked anything yet. */
  finishServed(): void {
    for (const connection of this.#connections) if (!connection.isFresh) connection.finish();
  }

  /** That were handed over. */
  get tunnelCount(): number {
    return this.#tunnels.size;
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
      if (this.#retiring) this.#tellEnd();
      if (this.#connections.size > 0 && this.#timer === null) this.#arm();
    });
  }
}
