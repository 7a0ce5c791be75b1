/** The open connections of a listener, looked after by one coarse timer. */
import type { Clock, Timer } from "../../../lib/clock.ts";
import { MemberList } from "../../../lib/member-list.ts";
import type { ClientConnection } from "./client-connection.ts";

export class ConnectionSet {
  readonly #connections = new MemberList<ClientConnection>();
  /** Those that were handed over: nothing of theirs is timed or waited for. */
  readonly #tunnels = new MemberList<ClientConnection>();
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
    const wasConnection = this.#connections.delete(connection);
    this.#tunnels.add(connection);
    if (wasConnection) this.#emptied();
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
    this.#connections.forEach((connection) => {
      if (connection.endsGently === true && !connection.isFresh) connection.finish();
    });
  }

  /** On which nobody has asked anything yet. */
  get freshCount(): number {
    let count = 0;
    this.#connections.forEach(({ isFresh }) => {
      if (isFresh) count += 1;
    });
    return count;
  }

  /** All but those on which nobody has asked anything yet. */
  finishServed(): void {
    this.#connections.forEach((connection) => {
      if (!connection.isFresh) connection.finish();
    });
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
    this.#connections.forEach((connection) => connection.finish());
    return promise;
  }

  destroyAll(): void {
    this.#connections.forEach((connection) => connection.destroy());
    this.#tunnels.forEach((tunnel) => tunnel.destroy());
  }

  #arm(): void {
    this.nowMs = this.#clock.runningMs();
    this.#timer = this.#clock.after(this.#intervalMs, (readUntilMs) => {
      this.#timer = null;
      this.nowMs = readUntilMs;
      this.#connections.forEach((connection) => connection.sweep(this.nowMs));
      if (this.#retiring) this.#tellEnd();
      if (this.#connections.size > 0 && this.#timer === null) this.#arm();
    });
  }
}
