/** What the requests of one of Bun's servers have in common. */
import type { Clock } from "../../../lib/clock.ts";
import type { Exchange } from "../../../protocols/http/exchange.ts";
import type { FetchClient } from "./fetch-client.ts";

export interface FetchContext {
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  altSvc: string | null;
  /** Answers to what is no request have a field with the reason. */
  showsErrorCodes: boolean;
  clock: Clock;
  /** Null: its client has too many connections. */
  clientAt(address: string, port: number): FetchClient | null;
  handle(exchange: Exchange): void;
}
