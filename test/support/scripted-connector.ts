/** Connections without sockets: a test opens them, lets them fail, and plays the peer. */
import type { Socket } from "bun";
import type { DeadlineEntry, DeadlineQueue } from "../../src/lib/deadline-queue.ts";
import type {
  ConnectOwner,
  Connector,
  Endpoint,
  PendingConnection,
  SocketOwner,
} from "../../src/net/connector.ts";

export class ScriptedConnector implements Connector {
  /** Every connection that was asked for, in order. */
  readonly attempts: ScriptedAttempt[] = [];
  /** Set: connections open by themselves, as soon as they may. */
  opensAtOnce = false;

  connect(to: Endpoint, owner: ConnectOwner, within: DeadlineQueue): PendingConnection {
    const attempt = new ScriptedAttempt(to, owner);
    within.add(attempt);
    this.attempts.push(attempt);
    if (this.opensAtOnce) queueMicrotask(() => attempt.open());
    return attempt;
  }

  /** The socket of the last connection. */
  get socket(): ScriptedSocket {
    return this.attempts.at(-1)!.socket!;
  }
}

export class ScriptedAttempt implements PendingConnection, DeadlineEntry {
  deadlineQueue: DeadlineQueue | null = null;
  deadlineMs = 0;
  earlierEntry: DeadlineEntry | null = null;
  laterEntry: DeadlineEntry | null = null;

  readonly to: Endpoint;
  socket: ScriptedSocket | null = null;
  cancelled = false;
  readonly #owner: ConnectOwner;

  constructor(to: Endpoint, owner: ConnectOwner) {
    this.to = to;
    this.#owner = owner;
  }

  open(): void {
    if (this.cancelled) return;
    this.deadlineQueue?.delete(this);
    this.socket = new ScriptedSocket(this.#owner);
    this.#owner.onOpen(this.socket as unknown as Socket<SocketOwner>);
  }

  fail(code: string): void {
    this.deadlineQueue?.delete(this);
    this.#owner.onConnectError(Object.assign(new Error(code), { code }));
  }

  cancel(): void {
    this.deadlineQueue?.delete(this);
    this.cancelled = true;
  }

  onDeadline(): void {
    this.#owner.onConnectTimeout();
  }
}

/** What is used of a Bun socket, and its other end. */
export class ScriptedSocket {
  readonly fd = -1;
  /** Whoever hears of the socket. */
  data: SocketOwner;
  /** Everything that was taken, as latin1 text. */
  sent = "";
  /** Bytes that it takes before it is full; -1: it is broken. */
  room = Infinity;
  paused = false;
  /** How our side has closed it. */
  closed: "end" | "terminate" | null = null;

  constructor(owner: SocketOwner) {
    this.data = owner;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    if (this.room < 0) return -1;
    const taken = Math.min(length, this.room);
    this.room -= taken;
    this.sent += Buffer.from(bytes.subarray(start, start + taken)).toString("latin1");
    return taken;
  }

  setKeepAlive(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.closed ??= "end";
  }

  terminate(): void {
    this.closed ??= "terminate";
  }

  /** There is room again. */
  drain(): void {
    this.room = Infinity;
    this.data.onDrain();
  }

  /** The peer sends something. */
  receive(text: string): void {
    this.data.onData(Buffer.from(text, "latin1"));
  }

  /** The peer ends its side. */
  peerEnds(): void {
    this.data.onPeerEnd();
  }

  /** The connection breaks. */
  breaks(code = "ECONNRESET"): void {
    this.data.onClose(Object.assign(new Error(code), { code }));
  }
}
