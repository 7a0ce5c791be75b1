/** HTTP/3 requests whose path is sent as it is given, byte for byte, which `fetch` does not do. */
import { connect, type QuicSession } from "node:quic";

export interface Http3Answer {
  status: string;
  body: string;
}

export class Http3Client implements AsyncDisposable {
  readonly #session: QuicSession;
  private constructor(session: QuicSession) {
    this.#session = session;
  }

  static async connect(port: number): Promise<Http3Client> {
    const session = await connect(`127.0.0.1:${port}`, {
      alpn: "h3",
      servername: "localhost",
      verifyPeer: "manual",
    });
    await session.opened;
    return new Http3Client(session);
  }

  /** @param path a character for each byte */
  async get(path: string, fields: Record<string, string> = {}): Promise<Http3Answer> {
    const status = Promise.withResolvers<string>();
    const stream = await this.#session.createBidirectionalStream({
      headers: {
        ":method": "GET",
        ":scheme": "https",
        ":authority": "localhost",
        ":path": path,
        ...fields,
      },
      onheaders: (head) => status.resolve(String(head[":status"])),
    });
    const body: Uint8Array[] = [];
    for await (const chunks of stream) body.push(...chunks);
    return { status: await status.promise, body: Buffer.concat(body).toString() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }
}
