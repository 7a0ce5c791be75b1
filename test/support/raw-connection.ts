/** One TCP or TLS connection of a test, byte by byte: text is latin1, one character a byte. */
import type { Socket, TCPSocketConnectOptions } from "bun";
import { patienceMs, within } from "./wait-for.ts";

export class RawConnection implements Disposable {
  #socket: Socket<RawConnection> | null = null;
  #unread: Buffer[] = [];
  #unsent: Uint8Array[] = [];
  #endWhenSent = false;
  #peerEnded = false;
  #closed = false;
  #error: Error | null = null;
  #waiting: (() => void)[] = [];
  /** Bytes received so far, read or not. */
  receivedBytes = 0;

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The peer has ended its direction, or the connection is closed. */
  get peerEnded(): boolean {
    return this.#peerEnded || this.#closed;
  }

  /** The peer has sent a FIN; a connection that was reset has not. */
  get endedInOrder(): boolean {
    return this.#peerEnded;
  }

  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** For what only the socket knows (TLS details). */
  get socket(): Socket<RawConnection> {
    if (this.#socket === null) throw new Error("not connected");
    return this.#socket;
  }

  /** What arrived and was not read yet. */
  get unread(): string {
    return this.#join().toString("latin1");
  }

  /** Queues everything that the kernel does not take at once. */
  send(bytes: string | Uint8Array): this {
    const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    if (data.length > 0) this.#unsent.push(data);
    this.#sendMore();
    return this;
  }

  /** Ends this direction after what was sent; the other one stays open. */
  end(): void {
    this.#endWhenSent = true;
    this.#sendMore();
  }

  /** Closes both directions in order. */
  close(): void {
    this.#socket?.end();
  }

  /** Closes at once, with a reset. */
  reset(): void {
    this.#socket?.terminate();
  }

  /** No more bytes are taken from the kernel until `resume`. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Waits for `marker` and takes everything up to its end. Rejects when the peer ends without it. */
  async receive(marker: string): Promise<string> {
    const end = await this.#until(`"${printable(marker)}"`, () => {
      const index = this.#join().indexOf(marker, 0, "latin1");
      return index < 0 ? null : index + marker.length;
    });
    return this.#take(end).toString("latin1");
  }

  /** Waits for that many bytes and takes them. */
  async receiveBytes(count: number): Promise<Buffer> {
    await this.#until(`${count} bytes`, () => (this.#unreadBytes() >= count ? true : null));
    return this.#take(count);
  }

  /** Waits until the peer has ended its direction and takes all that is left. */
  async receiveAll(): Promise<Buffer> {
    await this.#until("the end", () => (this.peerEnded ? true : null));
    return this.#take(this.#unreadBytes());
  }

  /** Resolves when the connection is closed, whoever closed it. */
  async closed(): Promise<void> {
    await this.#until("the connection to close", () => (this.#closed ? true : null));
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  /** Called by the socket handlers. */
  opened(socket: Socket<RawConnection>): void {
    this.#socket = socket;
    this.#sendMore();
  }

  received(bytes: Uint8Array): void {
    this.#unread.push(Buffer.from(bytes));
    this.receivedBytes += bytes.length;
    this.#wake();
  }

  drained(): void {
    this.#sendMore();
  }

  ended(): void {
    this.#peerEnded = true;
    this.#wake();
  }

  closedBy(error: Error | null): void {
    this.#closed = true;
    this.#error ??= error;
    this.#wake();
  }

  #sendMore(): void {
    const socket = this.#socket;
    if (socket === null || this.#closed) return;
    while (this.#unsent.length > 0) {
      const first = this.#unsent[0]!;
      const taken = socket.write(first);
      if (taken < 0) return;
      if (taken < first.length) {
        this.#unsent[0] = first.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
    if (this.#endWhenSent) {
      this.#endWhenSent = false;
      socket.shutdown();
    }
  }

  async #until<T>(what: string, test: () => T | null): Promise<T> {
    const waiting = async (): Promise<T> => {
      for (;;) {
        const result = test();
        if (result !== null) return result;
        if (this.#closed || (this.#peerEnded && what !== "the connection to close")) {
          throw new Error(`the peer ended before ${what}; unread: ${printable(this.unread)}`, {
            cause: this.#error ?? undefined,
          });
        }
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    };
    try {
      return await within(waiting(), what, patienceMs);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("waited")) throw error;
      throw new Error(`${error.message}; unread: ${printable(this.unread)}`, { cause: error });
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #unreadBytes(): number {
    return this.#unread.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  #join(): Buffer {
    if (this.#unread.length !== 1) this.#unread = [Buffer.concat(this.#unread)];
    return this.#unread[0]!;
  }

  #take(bytes: number): Buffer {
    const all = this.#join();
    this.#unread = [all.subarray(bytes)];
    return all.subarray(0, bytes);
  }
}

/** Handlers of `Bun.connect` and `Bun.listen` that feed the connection in `socket.data`. */
export const rawConnectionHandlers = {
  data: (socket: Socket<RawConnection>, bytes: Buffer) => socket.data.received(bytes),
  drain: (socket: Socket<RawConnection>) => socket.data.drained(),
  end: (socket: Socket<RawConnection>) => socket.data.ended(),
  close: (socket: Socket<RawConnection>, error?: Error) => socket.data.closedBy(error ?? null),
  error: (socket: Socket<RawConnection>, error: Error) => socket.data.closedBy(error),
};

export interface RawConnectOptions {
  hostname?: string;
  /** As `Bun.connect` takes it; resolves after the handshake. */
  tls?: TCPSocketConnectOptions<RawConnection>["tls"];
}

/** Connects to a local port. */
export async function connectRaw(
  port: number,
  { hostname = "127.0.0.1", tls }: RawConnectOptions = {},
): Promise<RawConnection> {
  const connection = new RawConnection();
  const ready = Promise.withResolvers<void>();
  await Bun.connect<RawConnection>({
    hostname,
    port,
    allowHalfOpen: true,
    ...(tls === undefined ? {} : { tls }),
    data: connection,
    socket: {
      ...rawConnectionHandlers,
      open(socket) {
        connection.opened(socket);
        if (tls === undefined) ready.resolve();
      },
      handshake(_socket, success, error) {
        // Without `rejectUnauthorized` a certificate that is not trusted counts as a success.
        if (success) ready.resolve();
        else ready.reject(error ?? new Error("the TLS handshake failed"));
      },
      close(_socket, error) {
        connection.closedBy(error ?? null);
        ready.reject(error ?? new Error("closed before it was ready"));
      },
    },
  });
  await within(ready.promise, "the connection to be ready", patienceMs);
  return connection;
}

function printable(text: string): string {
  const shown = text.length > 400 ? `${text.slice(0, 400)}… (${text.length} bytes)` : text;
  return JSON.stringify(shown).slice(1, -1);
}
