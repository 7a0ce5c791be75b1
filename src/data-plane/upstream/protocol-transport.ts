/** The transports of one target, one for each protocol that requests are sent in. */
import type { Clock } from "../../lib/clock.ts";
import type { DeadlineQueues } from "../../lib/deadline-queue.ts";
import type { Connector } from "../../net/connector.ts";
import { Http1Transport } from "./http1/http1-transport.ts";
import { Http2Transport } from "./http2/http2-transport.ts";
import type { Transport } from "./transport.ts";
import type { ResponseReceiver, UpstreamCall, UpstreamRequest } from "./upstream-request.ts";

export interface ProtocolTransportOptions {
  host: string;
  port: number;
  /** TLS, with a certificate for the host: HTTP/1.1 alone. */
  secure?: boolean;
  clock: Clock;
  deadlines?: DeadlineQueues;
  connector: Connector;
}

export class ProtocolTransport implements Transport {
  readonly #options: ProtocolTransportOptions;
  readonly #http1: Http1Transport;
  /** Made for the first request that needs it. */
  #http2: Http2Transport | null = null;
  #retired = false;

  constructor(options: ProtocolTransportOptions) {
    this.#options = options;
    this.#http1 = new Http1Transport(options);
  }

  send(request: UpstreamRequest, receiver: ResponseReceiver): UpstreamCall {
    const transport = request.protocol === "h1" ? this.#http1 : this.#openHttp2();
    return transport.send(request, receiver);
  }

  retire(): void {
    this.#retired = true;
    this.#http1.retire();
    this.#http2?.retire();
  }

  #openHttp2(): Http2Transport {
    if (this.#http2 === null) {
      this.#http2 = new Http2Transport(this.#options);
      if (this.#retired) this.#http2.retire();
    }
    return this.#http2;
  }
}
