/** The apps of a soak: they read what they are sent, answer with path and length, and echo in tunnels. */
import { nextHead } from "../support/next-head.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { waitFor } from "../support/wait-for.ts";

export function startSoakApp(): RawServer {
  const app = startRawServer(async (connection, index) => {
    // A soak makes too many connections to remember them all.
    Reflect.deleteProperty(app.connections, index);
    for (;;) {
      const head = await nextHead(connection);
      if (head === null) return;
      if (/\r\nUpgrade: /i.test(head)) return await echo(connection);
      const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
      await connection.receiveBytes(length);
      const body = receipt(head.split(" ")[1]!, length);
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  });
  return app;
}

/** What is answered to a request. */
export function receipt(path: string, length: number): string {
  return `${path} ${length}`;
}

async function echo(connection: RawConnection): Promise<void> {
  connection.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
  );
  connection.send(await connection.receiveBytes(4));
}

/** An app that goes away and comes back at its port. */
export class RestartingApp implements Disposable {
  #server = this.#listen(0);
  readonly #port = this.#server.port!;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Resolves when connections are refused: one that is taken and then reset can't be tried again. */
  async stop(): Promise<void> {
    await this.#server.stop(true);
    await waitFor(
      () =>
        connectRaw(this.#port).then(
          (connection) => connection.reset(),
          () => true,
        ),
      "connections to be refused",
    );
  }

  start(): void {
    this.#server = this.#listen(this.#port);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  #listen(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      async fetch(request) {
        const { length } = await request.bytes();
        // A request on a kept connection that closes under it must not be sent again.
        const headers = { Connection: "close" };
        return new Response(receipt(new URL(request.url).pathname, length), { headers });
      },
    });
  }
}
