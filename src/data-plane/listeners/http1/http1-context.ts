/** What all HTTP/1.1 connections of a listener have in common. */
import type { ClientLimits } from "../../../config/defaults.ts";
import type { ClientPeer, Exchange, Scheme } from "../../../protocols/http/exchange.ts";
import type { ClientConnection, ClientSocket } from "../accept/client-connection.ts";
import type { ConnectionSet } from "../accept/connection-set.ts";

export interface Http1Context {
  scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  altSvc: string | null;
  /** Answers to what is no request have a field with the reason. */
  showsErrorCodes: boolean;
  limits: ClientLimits;
  connections: ConnectionSet;
  handle(exchange: Exchange): void;
  wallMs(): number;
  /**
   * What a connection becomes that begins with the preface of HTTP/2 (RFC 9113 3.3): from the return on, the
   * socket's events are that one's. Null: there is no such thing.
   */
  acceptHttp2: ((socket: ClientSocket, client: ClientPeer) => ClientConnection) | null;
}
