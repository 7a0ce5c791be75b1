/** Sends requests over HTTP/1.1 connections that are kept open between requests. */
import {
  maxIdleUpstreamConnections,
  upstreamConnectTimeoutMs,
  upstreamIdleTimeoutMs,
  upstreamSurplusTimeoutMs,
} from "../../../config/limits.ts";
import type { Clock } from "../../../lib/clock.ts";
import { DeadlineQueues } from "../../../lib/deadline-queue.ts";
import type { Connector, Endpoint } from "../../../net/connector.ts";
import { joinHostPort } from "../../../net/socket-address.ts";
import { Call, type CallContext } from "./call.ts";
import { Connection, type ConnectionOwner, type ServedCall } from "./connection.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { Transport } from "../transport.ts";
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "../upstream-request.ts";

export interface Http1TransportOptions {
  host: string;
  port: number;
  /** TLS, with a certificate for the host. */
  secure?: boolean;
  clock: Clock;
  /** Of what many transports wait for, in one place; else it has its own. */
  deadlines?: DeadlineQueues;
  connector: Connector;
  maxIdleConnections?: number;
  idleTimeoutMs?: number;
  surplusTimeoutMs?: number;
  connectTimeoutMs?: number;
}

export class Http1Transport implements Transport, CallContext, ConnectionOwner {
  readonly address: string;
  readonly deadlines: DeadlineQueues;
  readonly #connector: Connector;
  readonly #endpoint: Endpoint;
  readonly #connectTimeoutMs: number;
  readonly #pool: ConnectionPool<Connection>;
  #retired = false;

  constructor(options: Http1TransportOptions) {
    const { host, port, secure = false, clock } = options;
    this.address = joinHostPort(host, port);
    this.deadlines = options.deadlines ?? new DeadlineQueues(clock);
    this.#connector = options.connector;
    this.#endpoint = { host, port, secure };
    this.#connectTimeoutMs = options.connectTimeoutMs ?? upstreamConnectTimeoutMs;
    this.#pool = new ConnectionPool(clock, {
      maxIdleConnections: options.maxIdleConnections ?? maxIdleUpstreamConnections,
      idleTimeoutMs: options.idleTimeoutMs ?? upstreamIdleTimeoutMs,
      surplusTimeoutMs: options.surplusTimeoutMs ?? upstreamSurplusTimeoutMs,
    });
  }

  /** Connections that wait for a request. */
  get idleCount(): number {
    return this.#pool.size;
  }

  send(request: UpstreamRequest, receiver: ResponseReceiver): UpstreamCall {
    const call = new Call(this, request, receiver);
    call.begin(this.#pool.take());
    return call;
  }

  retire(): void {
    this.#retired = true;
    this.#pool.clear();
  }

  connect(call: ServedCall, responseTimeoutMs: number): Connection {
    const timeoutMs =
      responseTimeoutMs > 0
        ? Math.min(responseTimeoutMs, this.#connectTimeoutMs)
        : this.#connectTimeoutMs;
    const connection = new Connection(this, call, this.#endpoint.secure !== true);
    connection.connect(this.#connector, this.#endpoint, this.deadlines.of(timeoutMs));
    return connection;
  }

  keep(connection: Connection, lifeMs: number): void {
    if (this.#retired) connection.close();
    else this.#pool.put(connection, lifeMs);
  }
}
