/** What an HTTP/1.1 exchange asks of its connection. */
import type { Duplex } from "../../../protocols/http/body.ts";
import type { ClientPeer, Scheme } from "../../../protocols/http/exchange.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";

export interface ExchangeConnection {
  readonly writer: SocketWriter;
  readonly scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  readonly altSvc: string | null;
  readonly client: ClientPeer;
  /** No further request is taken on this connection. */
  readonly stopping: boolean;
  wallMs(): number;
  /** Reads on: body bytes may wait in the read-ahead. */
  pump(): void;
  holdReading(): void;
  /** Somebody keeps bytes of the present read. */
  keepRead(): void;
  /** Whether more of the present read should be handed on in this turn. */
  mayReadOn(units: number): boolean;
  /** What was written goes out: now, or at the end of the read that is being worked on. */
  flush(): void;
  /** Of a plain socket from which nothing waits to be read in the process; else -1. */
  readonly readDescriptor: number;
  /** The client has sent bytes that went another way. */
  progressed(): void;
  readonly readingHeld: boolean;
  /** Calls back when what the client has sent by now has been seen. */
  afterNextRead(callback: () => void): void;
  /** The response is complete; `close` when the connection must not be used again. */
  responseEnded(): void;
  startTunnel(): Duplex;
  destroy(): void;
}
