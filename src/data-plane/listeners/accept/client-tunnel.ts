/** The client's side of a connection after 101: raw bytes both ways, each direction closed on its own. */
import type { BodySink, BodySource, Duplex } from "../../../protocols/http/body.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";
import type { ClientSocket } from "./client-connection.ts";

/** What the tunnel asks of its connection. */
export interface TunnelConnection {
  pump(): void;
  hold(): void;
  /** Somebody keeps bytes of the present read. */
  keepRead(): void;
  destroy(): void;
  /** The client has sent FIN. */
  ended(): boolean;
}

export class ClientTunnel implements Duplex, BodySource, BodySink {
  readonly passesOn = true;
  readonly #socket: ClientSocket;
  readonly #writer: SocketWriter;
  readonly #connection: TunnelConnection;
  #sink: BodySink | null = null;
  #peer: BodySource | null = null;
  #held = false;
  #finReceived = false;
  #finWanted = false;
  #finSent = false;

  constructor(socket: ClientSocket, writer: SocketWriter, connection: TunnelConnection) {
    this.#socket = socket;
    this.#writer = writer;
    this.#connection = connection;
  }

  get source(): BodySource {
    return this;
  }
  get sink(): BodySink {
    return this;
  }

  /** Bytes of the client are wanted now. */
  get flowing(): boolean {
    return this.#sink !== null && !this.#held;
  }

  // Client to target.

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#connection.pump();
    if (this.#connection.ended()) this.received(null);
  }

  pause(): void {
    this.#held = true;
    this.#connection.hold();
  }

  resume(): void {
    this.#held = false;
    this.#connection.pump();
  }

  /** Nobody can take the client's bytes: half a tunnel is of no use, and whoever joined it is told. */
  cancel(): void {
    this.#connection.destroy();
  }

  /** Bytes of the client; null for its FIN. */
  received(bytes: Uint8Array | null): void {
    if (bytes === null) {
      if (this.#finReceived || this.#sink === null) return;
      if (this.#writer.closed) {
        // Bun shows a reset that a write has met as an orderly end.
        this.#connection.destroy();
        return;
      }
      this.#finReceived = true;
      this.#sink.end(null);
      this.#closeWhenBothEnded();
      return;
    }
    const sink = this.#sink;
    if (sink === null) return;
    const more = sink.write(bytes);
    sink.flush();
    if (!sink.passesOn) this.#connection.keepRead();
    if (!more) this.pause();
  }

  // Target to client.

  attach(source: BodySource): void {
    this.#peer = source;
  }

  write(chunk: Uint8Array): boolean {
    this.#writer.write(chunk);
    return !this.#writer.blocked;
  }

  flush(): void {
    this.#writer.flush();
  }

  end(): void {
    this.#finWanted = true;
    this.#writer.flush();
    this.#sendFin();
  }

  abort(): void {
    this.destroy();
  }

  drained(): void {
    if (this.#finWanted) this.#sendFin();
    else this.#peer?.resume();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** The connection is gone: the other side ends as well. */
  closed(error: Error | null): void {
    const sink = this.#sink;
    this.#sink = null;
    if (sink === null || (this.#finReceived && this.#finSent)) return;
    // Behind our own FIN, Bun shows the client's as a close without error.
    if (error === null && this.#finSent && !this.#finReceived) sink.end(null);
    else sink.abort(error ?? new Error("the client's connection was closed"));
  }

  #sendFin(): void {
    if (this.#writer.blocked || this.#finSent) return;
    this.#finSent = true;
    this.#socket.shutdown();
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#finReceived && this.#finSent) this.#connection.destroy();
  }
}
