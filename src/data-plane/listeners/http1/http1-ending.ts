/**
 * The end of an HTTP/1.1 connection: the client takes what was written, then comes FIN, and what it still sends is
 * thrown away, bounded, until it has read the last answer and closes.
 */
import { lingerTimeoutMs } from "../../../config/limits.ts";
import { discardUnits } from "../../../net/work-budget.ts";
import type { ClientSocket } from "../accept/client-connection.ts";
import type { Http1Input } from "./http1-input.ts";

export interface EndingConnection {
  readonly socket: ClientSocket;
  readonly input: Http1Input;
  /** The client has sent FIN. */
  readonly clientEnded: boolean;
  progressed(): void;
  destroy(): void;
}

export class Http1Ending {
  readonly #connection: EndingConnection;
  readonly #maxDiscardedBytes: number;
  #discardedBytes = 0;
  /** FIN was sent. */
  lingers = false;

  /** 0 bytes: nothing more is read. */
  constructor(connection: EndingConnection, maxDiscardedBytes: number) {
    this.#connection = connection;
    this.#maxDiscardedBytes = maxDiscardedBytes;
  }

  /** The client has taken everything. */
  onTaken(): void {
    const connection = this.#connection;
    if (this.#maxDiscardedBytes === 0 || connection.clientEnded) {
      connection.destroy();
      return;
    }
    this.lingers = true;
    connection.progressed();
    connection.input.clear();
    connection.socket.shutdown();
    connection.input.resume();
  }

  onData(count: number): void {
    if (!this.lingers) return;
    this.#discardedBytes += count;
    if (this.#discardedBytes > this.#maxDiscardedBytes) this.#connection.destroy();
    else this.#connection.input.throwAway(count * discardUnits);
  }

  /** How long the client may take until the next byte, or until it closes. */
  patienceMs(stallTimeoutMs: number): number {
    return this.lingers ? lingerTimeoutMs : stallTimeoutMs;
  }
}
