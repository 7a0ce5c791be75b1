/** The raw connection after a switch of protocols: bytes both ways, each side ended on its own. */
import type { Socket } from "bun";
import type { BodySink, BodySource, Duplex } from "../../../protocols/http/body.ts";
import { releaseReceived } from "../../../net/received-buffer.ts";
import type { SocketWriter } from "../../../net/socket-writer.ts";
import type { SocketOwner } from "../../../net/connector.ts";
import { ExchangeError } from "../../../protocols/http/exchange-error.ts";

export class Tunnel implements Duplex, BodySource, BodySink, SocketOwner {
  readonly passesOn = true;
  readonly #socket: Socket<SocketOwner>;
  readonly #writer: SocketWriter;
  /** Bytes that came together with the 101. */
  #first: Buffer | null;
  /** Where the peer's bytes go, and where those for the peer come from. */
  #sink: BodySink | null = null;
  #source: BodySource | null = null;
  /** Why the connection broke before anybody listened. */
  #broken: Error | null = null;
  #peerEnded = false;
  #ended = false;
  #shutDown = false;
  #held = false;
  #paused = true;
  #closed = false;

  /** The socket must be paused; reading begins with `start`. */
  constructor(socket: Socket<SocketOwner>, writer: SocketWriter, first: Uint8Array) {
    this.#socket = socket;
    this.#writer = writer;
    this.#first = first.length === 0 ? null : Buffer.from(first);
    socket.data = this;
  }

  get source(): BodySource {
    return this;
  }

  get sink(): BodySink {
    return this;
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    this.#socket.terminate();
  }

  // The source: what the peer sends.

  start(sink: BodySink): void {
    this.#sink = sink;
    if (this.#closed) {
      sink.abort(this.#broken ?? lost(null));
      return;
    }
    const first = this.#first;
    this.#first = null;
    const takesMore = first === null || sink.write(first);
    if (first !== null && !this.#closed) sink.flush();
    if (takesMore) this.resume();
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    // Before the start the first bytes would be overtaken.
    if (!this.#paused || this.#closed || this.#sink === null) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Nobody can take the peer's bytes: half a tunnel is of no use. */
  cancel(): void {
    this.#sink = null;
    this.#fail(null);
  }

  // The sink: what the peer gets.

  attach(source: BodySource): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#ended) return false;
    this.#writer.write(chunk);
    if (!this.#writer.blocked && !this.#writer.closed) return true;
    this.#held = true;
    return false;
  }

  flush(): void {
    this.#writer.flush();
    if (this.#held || this.#ended || !this.#writer.blocked) return;
    this.#held = true;
    this.#source?.pause();
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.#writer.flush();
    if (!this.#writer.blocked) this.#sendEnd();
  }

  abort(): void {
    this.#ended = true;
    this.#source = null;
    this.#fail(null);
  }

  // The socket.

  onData(bytes: Buffer): void {
    const sink = this.#sink;
    if (sink === null || this.#closed) return;
    if (!sink.write(bytes)) this.pause();
    if (!this.#closed) sink.flush();
    if (sink.passesOn) releaseReceived(bytes);
  }

  onDrain(): void {
    if (this.#closed || !this.#writer.drain() || this.#writer.closed) return;
    if (this.#ended) {
      this.#sendEnd();
    } else if (this.#held) {
      this.#held = false;
      this.#source?.resume();
    }
  }

  onPeerEnd(): void {
    if (this.#closed || this.#peerEnded) return;
    if (this.#writer.closed) {
      // A reset that a failed write has used up looks like an orderly end.
      this.#fail(null);
      return;
    }
    this.#peerEnded = true;
    this.#sink?.end(null);
    if (this.#shutDown) this.#close();
  }

  onClose(error: Error | null): void {
    // Once our side was ended, Bun reports the peer's end as an orderly close alone.
    if (error === null && this.#shutDown) this.onPeerEnd();
    this.#fail(error);
  }

  #sendEnd(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    if (this.#peerEnded) this.#close();
    else this.#socket.shutdown();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    this.#socket.end();
  }

  /** Both directions break; whoever is still in the middle of one is told. */
  #fail(error: Error | null): void {
    if (this.#closed) return;
    this.destroy();
    this.#broken = lost(error);
    if (!this.#ended) this.#source?.cancel();
    if (!this.#peerEnded) this.#sink?.abort(this.#broken);
  }
}

function lost(error: Error | null): ExchangeError {
  const reason = error === null ? "" : `: ${error.message}`;
  return new ExchangeError("connection-lost", `tunnel broken${reason}`);
}
