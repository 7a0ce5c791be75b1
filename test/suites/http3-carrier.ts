/** HTTP/3, by the client that Bun has. */
import { waitFor } from "../support/wait-for.ts";
import {
  type Answer,
  type Carrier,
  type OpenRequest,
  type RequestSpec,
  upgradeToWebSocket,
} from "./carrier.ts";

const connectLimitMs = 2_000;

export const http3: Carrier = {
  name: "HTTP/3",
  protocol: "HTTP/3.0",
  scheme: "https",
  switching: upgradeToWebSocket,
  async open(port, spec) {
    return new Http3Request(port, spec);
  },
};

/** A deploy may bring a certificate, and with it a new server on the same port. */
export async function untilHttp3Serves(port: number): Promise<void> {
  await waitFor(async () => {
    const signal = AbortSignal.timeout(connectLimitMs);
    return (await fetchHttp3(port, "/", { signal })).status > 0;
  }, "HTTP/3 to serve");
}

function fetchHttp3(port: number, path: string, init: RequestInit): Promise<Response> {
  return fetch(`https://localhost:${port}${path}`, {
    protocol: "http3",
    tls: { rejectUnauthorized: false },
    keepalive: false,
    redirect: "manual",
    decompress: false,
    ...init,
  });
}

class Http3Request implements OpenRequest {
  readonly #abort = new AbortController();
  readonly #response: Promise<Response>;
  #body: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(port: number, spec: RequestSpec) {
    const { method = "GET", path = "/", host, fields = [], body, streams } = spec;
    const headers = new Headers(fields);
    if (host !== undefined) headers.set("Host", host);
    if (typeof streams === "number") headers.set("Content-Length", String(streams));
    const stream = new ReadableStream<Uint8Array>({ start: (to) => void (this.#body = to) });
    this.#response = fetchHttp3(port, path, {
      method,
      headers,
      signal: this.#abort.signal,
      ...(streams === undefined ? {} : { body: stream, duplex: "half" }),
      ...(body === undefined ? {} : { body }),
    });
    // Who leaves does not wait for it.
    this.#response.catch(() => undefined);
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.#body!.enqueue(bytes);
  }

  end(): void {
    this.#body!.close();
  }

  async answer(): Promise<Answer> {
    const response = await this.#response;
    return {
      informational: [],
      status: response.status,
      fields: [...response.headers],
      body: Buffer.from(await response.arrayBuffer()),
      trailers: [],
    };
  }

  leave(): void {
    this.#abort.abort();
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }
}
