/** What a listener's socket handlers call: the object that `socket.data` holds. */
import type { ListMember } from "../../../lib/member-list.ts";

export interface ClientConnection extends ListMember {
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** The client sent FIN. */
  onEnd(): void;
  /** The connection is gone; the error of a reset, else null. */
  onClose(error: Error | null): void;
  /** Called by the sweep timer, for timeouts. */
  sweep(nowMs: number): void;
  /** `finish` tells the client first, which may go on until it has heard it (GOAWAY). */
  readonly endsGently?: true;
  /** Nobody has asked anything on it yet, and whoever has just connected is about to. */
  readonly isFresh: boolean;
  /** The listener stops: finish what is under way, then close. */
  finish(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

/** The socket calls that connections need; Bun's plain and TLS sockets have them. */
export interface ClientSocket {
  /** Its descriptor; -1 when it is closed. Bun's types leave it out. */
  readonly fd?: number;
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
  /** Sends FIN (close_notify first on TLS) and goes on reading. */
  shutdown(): void;
  /** Closes both directions. */
  end(): void;
  /** Closes with RST. */
  terminate(): void;
  pause(): void;
  resume(): void;
}
