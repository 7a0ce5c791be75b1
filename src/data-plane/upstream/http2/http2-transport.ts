/**
 * Sends requests over HTTP/2 in plain with prior knowledge (RFC 9113 3.3): one connection carries many, more
 * are opened when the target allows no more on it.
 */
import { upstreamConnectTimeoutMs, upstreamIdleTimeoutMs } from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { DeadlineQueue, DeadlineQueues } from "../../../lib/deadline-queue.ts";
import type { Connector, Endpoint } from "../../../net/connector.ts";
import { joinHostPort } from "../../../net/socket-address.ts";
import type { Transport } from "../transport.ts";
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "../upstream-request.ts";
import { Http2Call, type Http2CallContext } from "./http2-call.ts";
import { Http2TargetConnection, type TargetConnectionOwner } from "./http2-target-connection.ts";

export interface Http2TransportOptions {
  host: string;
  port: number;
  clock: Clock;
  /** Of what many transports wait for, in one place; else it has its own. */
  deadlines?: DeadlineQueues;
  connector: Connector;
  idleTimeoutMs?: number;
  connectTimeoutMs?: number;
}

export class Http2Transport implements Transport, Http2CallContext, TargetConnectionOwner {
  readonly address: string;
  readonly deadlines: DeadlineQueues;
  readonly idleDeadlines: DeadlineQueue;
  readonly clock: Clock;
  readonly #connector: Connector;
  readonly #endpoint: Endpoint;
  readonly #connectTimeoutMs: number;
  /** Those that take further requests, the oldest first. */
  readonly #connections = new Set<Http2TargetConnection>();
  #retired = false;

  constructor(options: Http2TransportOptions) {
    const { host, port, clock } = options;
    this.address = joinHostPort(host, port);
    this.clock = clock;
    this.deadlines = options.deadlines ?? new DeadlineQueues(clock);
    this.idleDeadlines = new DeadlineQueue(clock, options.idleTimeoutMs ?? upstreamIdleTimeoutMs);
    this.#connector = options.connector;
    this.#endpoint = { host, port };
    this.#connectTimeoutMs = options.connectTimeoutMs ?? upstreamConnectTimeoutMs;
  }

  send(request: UpstreamRequest, receiver: ResponseReceiver): UpstreamCall {
    const call = new Http2Call(this, request, receiver);
    call.begin();
    return call;
  }

  retire(): void {
    this.#retired = true;
    for (const connection of this.#connections) connection.retire();
  }

  assign(call: Http2Call, responseTimeoutMs: number): Http2TargetConnection {
    for (const connection of this.#connections) {
      if (connection.take(call)) return connection;
    }
    const timeoutMs =
      responseTimeoutMs > 0
        ? Math.min(responseTimeoutMs, this.#connectTimeoutMs)
        : this.#connectTimeoutMs;
    const connection = new Http2TargetConnection(this);
    this.#connections.add(connection);
    connection.take(call);
    connection.connect(this.#connector, this.#endpoint, this.deadlines.of(timeoutMs));
    if (this.#retired) connection.retire();
    return connection;
  }

  left(connection: Http2TargetConnection): void {
    this.#connections.delete(connection);
  }
}
