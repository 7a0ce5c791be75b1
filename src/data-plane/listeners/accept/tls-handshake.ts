/** A connection of the https port whose TLS handshake is under way. */
import { ListMember } from "../../../lib/member-list.ts";
import { peerHasEnded } from "../../../net/peer-end.ts";
import type { ProxySource } from "../../../protocols/proxy-protocol/proxy-header.ts";
import type { ClientConnection, ClientSocket } from "./client-connection.ts";
import type { ConnectionSet } from "./connection-set.ts";
import type { HandshakeTurns } from "./handshake-turns.ts";

export interface TlsHandshakeOptions {
  /** Who begins it. */
  client: ProxySource;
  connections: ConnectionSet;
  timeoutMs: number;
  /** It will not become a connection; the reason is for the log. */
  onFailed(reason: string): void;
}

export class TlsHandshake extends ListMember implements ClientConnection {
  readonly isFresh = true;
  /** False: as far as was seen it takes no certificate with an ECDSA key. */
  takesEcdsa = true;
  readonly #socket: ClientSocket;
  readonly #options: TlsHandshakeOptions;
  #startedMs: number;
  #waiting = false;
  #over = false;
  /** It is in a queue for its turn, or was. */
  #leaveQueue: (() => void) | null = null;

  constructor(socket: ClientSocket, options: TlsHandshakeOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    options.connections.add(this);
    this.#startedMs = options.connections.nowMs;
  }

  get client(): ProxySource {
    return this.#options.client;
  }

  /** Nothing is read before its turn has come. */
  begin(turns: HandshakeTurns): void {
    if (turns.take()) {
      this.#socket.resume();
      return;
    }
    this.#socket.pause();
    this.#leaveQueue = turns.wait(() => {
      // A client that gave up meanwhile would not hear the answer.
      if (peerHasEnded(this.#socket)) this.onEnd();
      else this.#socket.resume();
    });
  }

  /** Its certificate is being made, which is not the client's fault and has a time limit of its own. */
  waitFor(certificate: Promise<unknown>): void {
    this.#waiting = true;
    void certificate.then(() => {
      this.#waiting = false;
      this.#startedMs = this.#options.connections.nowMs;
    });
  }

  /** The connection goes on as another one, which is to be made before. */
  complete(): void {
    this.#leave();
  }

  fail(reason: string): void {
    if (this.#over) return;
    this.#leave();
    this.#options.onFailed(reason);
  }

  onData(): void {}
  onDrain(): void {}

  onEnd(): void {
    this.fail("EOF");
    this.#socket.end();
  }

  onClose(): void {
    this.fail("EOF");
  }

  sweep(nowMs: number): void {
    if (this.#waiting || nowMs - this.#startedMs <= this.#options.timeoutMs) return;
    this.fail("i/o timeout");
    this.#socket.terminate();
  }

  finish(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#over) return;
    this.#leave();
    this.#socket.terminate();
  }

  #leave(): void {
    this.#over = true;
    this.#leaveQueue?.();
    this.#options.connections.delete(this);
  }
}
