/** The clients of a soak. Each of them throws when it is not answered as it should be. */
import { Http2Connection } from "../support/http2-connection.ts";
import { headersFrame } from "../support/http2-frames.ts";
import type { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { waitFor } from "../support/wait-for.ts";
import { receipt } from "./soak-app.ts";

const requestsPerConnection = 20;
const plainServices = ["streamed", "buffered"];

export function anyPlainService(): string {
  return plainServices[Math.floor(Math.random() * plainServices.length)]!;
}

export class SoakClients {
  readonly #proxy: ProxyProcess;

  constructor(proxy: ProxyProcess) {
    this.#proxy = proxy;
  }

  async newConnection(service = anyPlainService()): Promise<void> {
    using connection = await connectRaw(this.#proxy.httpPort);
    await exchange(connection, service, "", "Connection: close\r\n");
  }

  /** Waits a little between its requests, GET and POST in turns. */
  async keptConnection(): Promise<void> {
    const service = anyPlainService();
    using connection = await connectRaw(this.#proxy.httpPort);
    for (let i = 0; i < requestsPerConnection; i++) {
      await exchange(connection, service, i % 2 === 0 ? "" : "small");
      await Bun.sleep(Math.random() * 20);
    }
  }

  async upload(service = anyPlainService()): Promise<void> {
    using connection = await connectRaw(this.#proxy.httpPort);
    await exchange(connection, service, "x".repeat(Math.random() * 200_000));
  }

  async abortedUpload(): Promise<void> {
    using connection = await connectRaw(this.#proxy.httpPort);
    connection.send(
      `POST / HTTP/1.1\r\nHost: ${anyPlainService()}.test\r\nContent-Length: 90000\r\n\r\n${"x".repeat(60_000)}`,
    );
    await Bun.sleep(Math.random() * 20);
  }

  /** A deploy may end a tunnel, so only its beginning has to work. */
  async tunnel(): Promise<void> {
    using connection = await connectRaw(this.#proxy.httpPort);
    connection.send(
      `GET / HTTP/1.1\r\nHost: ${anyPlainService()}.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nping`,
    );
    await connection.receive("HTTP/1.1 101 ");
    await waitFor(() => connection.peerEnded || connection.unread.endsWith("ping"), "the echo");
  }

  async encrypted(): Promise<void> {
    const tls = { serverName: "encrypted.test", rejectUnauthorized: false };
    using connection = await connectRaw(this.#proxy.httpsPort, { tls });
    for (let i = 0; i < 3; i++) await exchange(connection, "encrypted", i === 0 ? "" : "small");
  }

  async http2(): Promise<void> {
    const name = "encrypted.test";
    using client = await Http2Connection.open(this.#proxy.httpsPort, [], name);
    for (const stream of [1, 3, 5]) {
      const path = `/${stream}`;
      client.send(
        headersFrame(stream, [
          [":method", "GET"],
          [":scheme", "https"],
          [":authority", name],
          [":path", path],
        ]),
      );
      const outcome = await client.ended(stream);
      const body = client.body(stream).toString();
      if (body !== receipt(path, 0)) throw new Error(`${outcome}, answered ${body.slice(0, 200)}`);
    }
  }
}

/** A GET, or a POST when there is a body. */
async function exchange(
  connection: RawConnection,
  service: string,
  body: string,
  fields = "",
): Promise<void> {
  const path = `/${Math.random()}`;
  const [method, length] =
    body === "" ? ["GET", ""] : ["POST", `Content-Length: ${body.length}\r\n`];
  connection.send(
    `${method} ${path} HTTP/1.1\r\nHost: ${service}.test\r\n${length}${fields}\r\n${body}`,
  );
  const answer = await readResponse(connection);
  const text = answer.body.toString();
  if (answer.status !== 200 || text !== receipt(path, body.length)) {
    throw new Error(`${service}: answered ${answer.status} ${text.slice(0, 200)}`);
  }
}
