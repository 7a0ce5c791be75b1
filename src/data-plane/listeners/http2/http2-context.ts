/** What all HTTP/2 connections of a listener have in common. */
import type { ClientLimits } from "../../../config/defaults.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Exchange, Scheme } from "../../../protocols/http/exchange.ts";
import { headLimitsOf, type SessionOptions } from "../../http2/http2-session.ts";
import type { ConnectionSet } from "../accept/connection-set.ts";

export interface Http2Context {
  scheme: Scheme;
  /** Value of the Alt-Svc field of every response (RFC 7838). */
  altSvc: string | null;
  /** Answers to what is no request have a field with the reason. */
  showsErrorCodes: boolean;
  limits: ClientLimits;
  clock: Clock;
  connections: ConnectionSet;
  session: SessionOptions;
  handle(exchange: Exchange): void;
}

export function http2Context(options: Omit<Http2Context, "session">): Http2Context {
  const { scheme, altSvc, showsErrorCodes, limits, clock, connections, handle } = options;
  const session = {
    role: "server" as const,
    headLimits: headLimitsOf(limits.maxHeaderBytes),
    nowMs: () => clock.now(),
    coarseMs: () => connections.nowMs,
  };
  return { scheme, altSvc, showsErrorCodes, limits, clock, connections, session, handle };
}
