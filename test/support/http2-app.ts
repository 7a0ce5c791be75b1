/** An app that speaks HTTP/2 in plain, frame by frame, as a test scripts it. */
import { HpackDecoder } from "../../src/protocols/http2/hpack-decoder.ts";
import { decodeBlock, type Field } from "./header-blocks.ts";
import { flags, frame, frameTypes, parseFrames, preface, settingsFrame } from "./http2-frames.ts";
import type { RawConnection } from "./raw-connection.ts";
import { type RawServer, startRawServer } from "./raw-server.ts";

/** One request as far as it has come. */
export interface Http2AppRequest {
  connection: RawConnection;
  /** Number of the connection, from 0. */
  connectionIndex: number;
  stream: number;
  fields: Field[];
  body: Buffer;
  trailers: Field[];
  ended: boolean;
  /** Code of the proxy's reset; null: none. */
  reset: number | null;
}

export interface Http2App extends Disposable {
  readonly server: RawServer;
  readonly address: string;
  readonly requests: Http2AppRequest[];
  /** Called for each head. */
  onHead: (request: Http2AppRequest) => void;
  /** Called when a request is complete. */
  onEnd: (request: Http2AppRequest) => void;
  /** Called when the proxy takes so many bytes more on a stream, or on the connection (0). */
  onWindow: (stream: number, bytes: number) => void;
}

const windowUpdate = (stream: number, bytes: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frameTypes.windowUpdate, 0, stream, payload);
};

/** `settings` are those of the app. Windows are kept open. */
export function startHttp2App(settings: [id: number, value: number][] = []): Http2App {
  const requests: Http2AppRequest[] = [];
  const server = startRawServer(async (connection, connectionIndex) => {
    await connection.receive(preface.toString("latin1"));
    connection.send(settingsFrame(settings));
    const decoder = new HpackDecoder();
    for (;;) {
      const head = Buffer.from(await connection.receiveBytes(9));
      const length = head.readUIntBE(0, 3);
      const payload = length === 0 ? Buffer.alloc(0) : await connection.receiveBytes(length);
      const [{ type, flags: bits, stream }] = parseFrames(Buffer.concat([head, payload]))
        .frames as [ReturnType<typeof parseFrames>["frames"][0]];
      const request = requests.find(
        (each) => each.connection === connection && each.stream === stream,
      );
      const endsStream = (bits & flags.endStream) !== 0;
      if (type === frameTypes.settings && (bits & flags.ack) === 0) {
        connection.send(frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
      } else if (type === frameTypes.headers) {
        const fields = decodeBlock(decoder, payload) as Field[];
        if (request === undefined) {
          const opened: Http2AppRequest = {
            connection,
            connectionIndex,
            stream,
            fields,
            body: Buffer.alloc(0),
            trailers: [],
            ended: endsStream,
            reset: null,
          };
          requests.push(opened);
          app.onHead(opened);
          if (endsStream) app.onEnd(opened);
        } else {
          request.trailers = fields;
          request.ended = true;
          app.onEnd(request);
        }
      } else if (type === frameTypes.data && request !== undefined) {
        request.body = Buffer.concat([request.body, payload]);
        if (length > 0)
          connection.send(Buffer.concat([windowUpdate(0, length), windowUpdate(stream, length)]));
        if (endsStream) {
          request.ended = true;
          app.onEnd(request);
        }
      } else if (type === frameTypes.windowUpdate) {
        app.onWindow(stream, payload.readUInt32BE(0));
      } else if (type === frameTypes.resetStream && request !== undefined) {
        request.reset = payload.readUInt32BE(0);
      }
    }
  });
  const app: Http2App = {
    server,
    address: server.address,
    requests,
    onHead: () => {},
    onEnd: () => {},
    onWindow: () => {},
    [Symbol.dispose]: () => server[Symbol.dispose](),
  };
  return app;
}
