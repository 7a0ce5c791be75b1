/** An HTTP/2 connection of a test over TLS, frame by frame. */
import {
  flags,
  frame,
  frameTypes,
  parseFrames,
  preface,
  settingsFrame,
  type Frame,
} from "./http2-frames.ts";
import { HpackDecoder } from "../../src/protocols/http2/hpack-decoder.ts";
import { connectRaw, type RawConnection } from "./raw-connection.ts";
import { waitFor } from "./wait-for.ts";

/** What a client shows of itself. */
export interface ClientKeyPair {
  cert?: string;
  key?: string;
}

/** A TLS connection that has agreed on HTTP/2; nothing was sent on it. */
export async function connectHttp2(
  port: number,
  serverName = "app.test",
  client: ClientKeyPair = {},
): Promise<RawConnection> {
  // The list as it is on the wire (RFC 7301 3.1).
  const ALPNProtocols = "\x02h2";
  const raw = await connectRaw(port, {
    tls: { serverName, rejectUnauthorized: false, ALPNProtocols, ...client },
  });
  const { alpnProtocol } = raw.socket as unknown as { alpnProtocol: unknown };
  if (alpnProtocol !== "h2") throw new Error(`the server chose ${String(alpnProtocol)}`);
  return raw;
}

export class Http2Connection implements Disposable {
  readonly raw: RawConnection;

  constructor(raw: RawConnection) {
    this.raw = raw;
  }

  /** Preface and settings are sent; nothing was received yet. */
  static async open(
    port: number,
    settings: [id: number, value: number][] = [],
    serverName = "app.test",
    client: ClientKeyPair = {},
  ): Promise<Http2Connection> {
    const connection = new Http2Connection(await connectHttp2(port, serverName, client));
    connection.send(preface, settingsFrame(settings));
    return connection;
  }

  send(...frames: Buffer[]): this {
    this.raw.send(Buffer.concat(frames));
    return this;
  }

  openWindow(stream: number, bytes: number): this {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    return this.send(frame(frameTypes.windowUpdate, 0, stream, payload));
  }

  /** Everything received so far. */
  get frames(): Frame[] {
    return parseFrames(Buffer.from(this.raw.unread, "latin1")).frames;
  }

  /** The heads and trailers received on a stream, in order, 1xx included. */
  heads(stream: number): [name: string, value: string][][] {
    const decoder = new HpackDecoder();
    const heads: [string, string][][] = [];
    for (const { type, stream: id, payload } of this.frames) {
      // Tests get no head that needs more than one frame.
      if (type !== frameTypes.headers) continue;
      const fields: [string, string][] = [];
      const reason = decoder.decode(payload, 0, payload.length, {
        field({ name, value }) {
          fields.push([name, value]);
          return true;
        },
      });
      if (reason !== null) throw new Error(reason);
      if (id === stream) heads.push(fields);
    }
    return heads;
  }

  /** Bytes of DATA received on a stream. */
  body(stream: number): Buffer {
    const data = this.frames.filter((f) => f.type === frameTypes.data && f.stream === stream);
    return Buffer.concat(data.map((f) => f.payload));
  }

  /** How the server ended the stream; null while it has not. */
  outcome(stream: number): "ended" | "reset" | "goaway" | "closed" | null {
    for (const f of this.frames) {
      if (f.type === frameTypes.goAway && f.payload.readUInt32BE(4) !== 0) return "goaway";
      if (f.stream !== stream) continue;
      if (f.type === frameTypes.resetStream) return "reset";
      const ends = f.type === frameTypes.data || f.type === frameTypes.headers;
      if (ends && (f.flags & flags.endStream) !== 0) return "ended";
    }
    return this.raw.peerEnded ? "closed" : null;
  }

  async ended(stream: number): Promise<"ended" | "reset" | "goaway" | "closed"> {
    return waitFor(() => this.outcome(stream), `the end of stream ${stream}`);
  }

  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
  }
}
