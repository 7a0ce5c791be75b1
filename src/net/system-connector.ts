/**
 * The one place where connections to hosts are opened. The addresses of a host are tried in turn. When none of
 * those of a name answers, the name is looked up once more, because a container may have moved since.
 */
import type { Socket } from "bun";
import { minAddressAttemptMs } from "../config/limits.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { DeadlineEntry, DeadlineQueue } from "../lib/deadline-queue.ts";
import { isZonedIpAddress } from "../lib/ip-address.ts";
import { AddressAttempt, type AddressAttemptOwner, ConnectError } from "./address-attempt.ts";
import type {
  ConnectOwner,
  Connector,
  Endpoint,
  PendingConnection,
  SocketOwner,
} from "./connector.ts";
import type { Resolver } from "./resolver/resolver.ts";

export class SystemConnector implements Connector {
  readonly #resolver: Resolver;
  readonly #clock: Clock;

  constructor(resolver: Resolver, clock: Clock) {
    this.#resolver = resolver;
    this.#clock = clock;
  }

  connect(to: Endpoint, owner: ConnectOwner, within: DeadlineQueue): PendingConnection {
    const connecting = new Connecting(to, owner, this.#resolver, this.#clock);
    within.add(connecting);
    connecting.start();
    return connecting;
  }
}

class Connecting implements PendingConnection, DeadlineEntry, AddressAttemptOwner {
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly #to: Endpoint;
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  /** Null when there is an outcome. */
  #owner: ConnectOwner | null;
  /** Those that are still to be tried, and all that there were so far. */
  #waiting: string[] = [];
  readonly #known = new Set<string>();
  /** How often the name may still be looked up. */
  #lookupsLeft: number;
  #attempt: AddressAttempt | null = null;
  /** Ends the attempt at an address when there are others. */
  #turn: Timer | null = null;
  /** Of the first address that failed. */
  #error: Error | null = null;

  constructor(to: Endpoint, owner: ConnectOwner, resolver: Resolver, clock: Clock) {
    this.#to = to;
    this.#owner = owner;
    this.#resolver = resolver;
    this.#clock = clock;
    this.#lookupsLeft = isZonedIpAddress(to.host) ? 0 : 2;
  }

  start(): void {
    if (this.#lookupsLeft === 0) this.#waiting.push(this.#to.host);
    this.#goOn();
  }

  cancel(): void {
    this.#finish();
  }

  onDeadline(): void {
    this.#finish()?.onConnectTimeout();
  }

  onConnected(socket: Socket<SocketOwner>): void {
    this.#attempt = null;
    const owner = this.#finish();
    if (owner === null) {
      socket.terminate();
      return;
    }
    socket.data = owner;
    owner.onOpen(socket);
  }

  onFailed(error: Error): void {
    this.#attempt = null;
    this.#turn?.cancel();
    this.#error ??= error;
    this.#goOn();
  }

  /** Later: Bun may open a socket, and run what waits behind that, before its `connect` returns. */
  #goOn(): void {
    queueMicrotask(() => this.#next());
  }

  #next(): void {
    if (this.#owner === null) return;
    const address = this.#waiting.shift();
    if (address !== undefined) {
      this.#try(address);
    } else if (this.#lookupsLeft > 0) {
      this.#lookupsLeft--;
      void this.#lookUp();
    } else {
      const error = this.#error ?? new ConnectError("EHOSTUNREACH");
      this.#finish()?.onConnectError(error);
    }
  }

  async #lookUp(): Promise<void> {
    const resolution = await this.#resolver.resolve(this.#to.host);
    if (resolution.kind === "failed") {
      this.#lookupsLeft = 0;
      this.#error ??= new ConnectError(resolution.code);
    } else {
      for (const address of resolution.addresses) {
        if (this.#known.has(address)) continue;
        this.#known.add(address);
        this.#waiting.push(address);
      }
    }
    this.#next();
  }

  #try(address: string): void {
    const attempt = new AddressAttempt(address, this.#to, this);
    this.#attempt = attempt;
    if (this.#waiting.length > 0) {
      const restMs = this.deadlineMs - this.#clock.runningMs();
      const shareMs = Math.max(minAddressAttemptMs, restMs / (this.#waiting.length + 1));
      this.#turn = this.#clock.after(shareMs, () => {
        attempt.abandon();
        this.onFailed(new ConnectError("ETIMEDOUT"));
      });
    }
    attempt.start();
  }

  /** Returns the owner if it has not heard of an outcome. */
  #finish(): ConnectOwner | null {
    const owner = this.#owner;
    this.#owner = null;
    this.deadlineQueue?.delete(this);
    this.#turn?.cancel();
    this.#attempt?.abandon();
    this.#attempt = null;
    return owner;
  }
}
