/** HTTP/1.1, plain or over TLS. */
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import {
  type Answer,
  type Carrier,
  type Field,
  type OpenRequest,
  type RequestSpec,
  upgradeToWebSocket,
} from "./carrier.ts";

export const plainHttp1: Carrier = {
  name: "HTTP/1.1",
  protocol: "HTTP/1.1",
  scheme: "http",
  switching: upgradeToWebSocket,
  open: async (port, spec) => new Http1Request(await connectRaw(port), spec),
};

export const tlsHttp1: Carrier = {
  name: "HTTP/1.1 over TLS",
  protocol: "HTTP/1.1",
  scheme: "https",
  switching: upgradeToWebSocket,
  async open(port, spec) {
    const tls = { serverName: "localhost", rejectUnauthorized: false };
    return new Http1Request(await connectRaw(port, { tls }), spec);
  },
};

class Http1Request implements OpenRequest {
  readonly #connection: RawConnection;
  readonly #method: string;
  readonly #isChunked: boolean;

  constructor(connection: RawConnection, spec: RequestSpec) {
    const { method = "GET", path = "/", host = "localhost", fields = [], body, streams } = spec;
    this.#connection = connection;
    this.#method = method;
    this.#isChunked = streams === true;
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`];
    lines.push(...fields.map(([name, value]) => `${name}: ${value}`));
    const length = typeof streams === "number" ? streams : body?.length;
    if (length !== undefined) lines.push(`Content-Length: ${length}`);
    if (this.#isChunked) lines.push("Transfer-Encoding: chunked");
    connection.send(`${lines.join("\r\n")}\r\n\r\n`);
    if (body !== undefined) connection.send(body);
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#isChunked) this.#connection.send(`${bytes.length.toString(16)}\r\n`);
    this.#connection.send(bytes);
    if (this.#isChunked) this.#connection.send("\r\n");
  }

  end(trailers: Field[] = []): void {
    if (!this.#isChunked) return;
    const lines = trailers.map(([name, value]) => `${name}: ${value}\r\n`);
    this.#connection.send(`0\r\n${lines.join("")}\r\n`);
  }

  async answer(): Promise<Answer> {
    const informational: number[] = [];
    for (;;) {
      const response = await readResponse(this.#connection, this.#method);
      const { status, fields, body, trailers } = response;
      if (status === 101 || status >= 200) {
        return { informational, status, fields, body, trailers };
      }
      informational.push(status);
    }
  }

  leave(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
