/** Connections to hosts, as those who need one ask for it. It is handed in, so that tests need no sockets. */
import type { Socket } from "bun";
import type { DeadlineQueue } from "../lib/deadline-queue.ts";

export interface Endpoint {
  /** A name or an address. */
  host: string;
  port: number;
  /** TLS, with a certificate for the host. */
  secure?: boolean;
}

/** Whoever owns a socket at the moment. */
export interface SocketOwner {
  onData(bytes: Buffer): void;
  onDrain(): void;
  /** The peer ended its side. */
  onPeerEnd(): void;
  onClose(error: Error | null): void;
}

/** Whoever asked for a connection: hears of one outcome, never before `connect` returns. */
export interface ConnectOwner extends SocketOwner {
  /** From then on it owns the socket. */
  onOpen(socket: Socket<SocketOwner>): void;
  onConnectError(error: Error): void;
  onConnectTimeout(): void;
}

/** A connection that is being made. */
export interface PendingConnection {
  /** Nobody wants it any more: the owner hears nothing. Without effect when there is an outcome. */
  cancel(): void;
}

export interface Connector {
  connect(to: Endpoint, owner: ConnectOwner, within: DeadlineQueue): PendingConnection;
}
