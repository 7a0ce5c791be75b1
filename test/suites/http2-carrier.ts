/** HTTP/2, frame by frame: one request a connection. */
import { Http2Connection } from "../support/http2-connection.ts";
import { frame, frameTypes, headersFrame, largeHeadFrames } from "../support/http2-frames.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Answer, Carrier, Field, OpenRequest, RequestSpec } from "./carrier.ts";

const initialWindow = 65_535;
const largestWindow = 2 ** 31 - 1;
const initialWindowSetting = 4;
const maxFrameBytes = 16_384;
const stream = 1;

export const http2: Carrier = {
  name: "HTTP/2",
  protocol: "HTTP/2.0",
  scheme: "https",
  // RFC 8441 4.
  switching: {
    spec: { method: "CONNECT", fields: [[":protocol", "websocket"]], streams: true },
    status: 200,
  },
  async open(port, spec) {
    const settings: [number, number][] = [[initialWindowSetting, largestWindow]];
    const connection = await Http2Connection.open(port, settings, "localhost");
    connection.openWindow(0, largestWindow - initialWindow);
    const request = new Http2Request(connection, spec);
    if (spec.body !== undefined) void request.send(spec.body).then(() => request.end());
    return request;
  },
};

class Http2Request implements OpenRequest {
  readonly #connection: Http2Connection;
  #sentBytes = 0;

  constructor(connection: Http2Connection, spec: RequestSpec) {
    const { method = "GET", path = "/", host = "localhost", fields = [], body, streams } = spec;
    this.#connection = connection;
    const head: Field[] = [
      [":method", method],
      [":scheme", "https"],
      [":authority", host],
      [":path", path],
      ...fields.map(([name, value]): Field => [name.toLowerCase(), value]),
    ];
    const length = typeof streams === "number" ? streams : body?.length;
    if (length !== undefined) head.push(["content-length", String(length)]);
    const hasBody = body !== undefined || streams !== undefined;
    const isLarge = JSON.stringify(head).length > maxFrameBytes;
    connection.send(isLarge ? largeHeadFrames(stream, head) : headersFrame(stream, head, !hasBody));
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      const allowed = await waitFor(
        () => this.#connection.outcome(stream) !== null || Math.max(0, this.#window()),
        "room in the window",
      );
      // Whoever has answered takes no more.
      if (allowed === true) return;
      const piece = bytes.subarray(sent, sent + Math.min(allowed, maxFrameBytes));
      this.#connection.send(frame(frameTypes.data, 0, stream, Buffer.from(piece)));
      this.#sentBytes += piece.length;
      sent += piece.length;
    }
  }

  end(trailers: Field[] = []): void {
    this.#connection.send(
      trailers.length === 0
        ? frame(frameTypes.data, 1, stream, Buffer.alloc(0))
        : headersFrame(stream, trailers, true),
    );
  }

  async answer(): Promise<Answer> {
    const outcome = await this.#connection.ended(stream);
    if (outcome !== "ended") throw new Error(`the answer broke off: ${outcome}`);
    const heads = this.#connection.heads(stream);
    const statusOf = (head: Field[]): number => Number(new Map(head).get(":status") ?? 0);
    const index = heads.findIndex((head) => statusOf(head) >= 200);
    return {
      informational: heads.slice(0, index).map(statusOf),
      status: statusOf(heads[index]!),
      fields: heads[index]!.filter(([name]) => name !== ":status"),
      body: this.#connection.body(stream),
      trailers: heads[index + 1] ?? [],
    };
  }

  leave(): void {
    this.#connection.raw.close();
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  /** What may be sent now, for the stream and for the connection alike (RFC 9113 5.2). */
  #window(): number {
    let ofConnection = initialWindow;
    let ofStream = initialWindow;
    for (const { type, stream: id, payload, flags } of this.#connection.frames) {
      if (type === frameTypes.windowUpdate) {
        if (id === 0) ofConnection += payload.readUInt32BE(0);
        if (id === stream) ofStream += payload.readUInt32BE(0);
      }
      if (type !== frameTypes.settings || (flags & 1) !== 0) continue;
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) !== initialWindowSetting) continue;
        ofStream += payload.readUInt32BE(at + 2) - initialWindow;
      }
    }
    return Math.min(ofConnection, ofStream) - this.#sentBytes;
  }
}
