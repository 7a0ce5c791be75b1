/** What an HTTP/1.1 exchange and its request body ask of their connection. */
import type { Duplex } from "../../../protocols/http/body.ts";
import type { ClientPeer } from "../../../protocols/http/exchange.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";
import type { Http1Context } from "./http1-context.ts";
import type { Http1Input } from "./http1-input.ts";

export interface ExchangeConnection {
  readonly context: Http1Context;
  readonly input: Http1Input;
  readonly writer: SocketWriter;
  readonly client: ClientPeer;
  /** No further request is taken on this connection. */
  readonly stopping: boolean;
  /** What was written goes out: now, or at the end of the read that is being worked on. */
  flush(): void;
  /** Of a plain socket from which nothing waits to be read in the process; else -1. */
  readonly readDescriptor: number;
  /** The client has sent bytes that went another way. */
  progressed(): void;
  /** Calls back when what the client has sent by now has been seen. */
  afterNextRead(callback: () => void): void;
  /** The response is complete. */
  responseEnded(): void;
  startTunnel(): Duplex;
  destroy(): void;
}
