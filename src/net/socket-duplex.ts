/**
 * A socket as a stream of raw bytes in both directions, each ended on its own: what a connection is after a
 * switch of protocols, towards the client and towards the target. The traps of Bun's sockets that come with
 * ends that are told apart are dealt with here.
 */
import { releaseReceived } from "./received-buffer.ts";
import type { SocketWriter } from "./socket-writer.ts";

/** What is needed of a Bun socket beside its writer. */
export interface DuplexSocket {
  pause(): void;
  resume(): void;
  /** Sends FIN and goes on reading. */
  shutdown(): void;
  /** Closes both directions. */
  end(): void;
}

/** Who pushes bytes into a duplex. */
export interface ByteSource {
  pause(): void;
  resume(): void;
  cancel(): void;
}

/** Who takes the bytes of a duplex. */
export interface ByteSink {
  readonly passesOn?: boolean;
  write(chunk: Uint8Array): boolean;
  flush(): void;
  end(trailers: null): void;
  abort(error: Error): void;
}

export interface DuplexOwner {
  /** Closes the socket of a stream that broke. */
  breakOff(): void;
  /** The socket is closed, however that came. */
  closed(): void;
}

export class SocketDuplex {
  readonly passesOn = true;
  readonly #socket: DuplexSocket;
  readonly #writer: SocketWriter;
  readonly #owner: DuplexOwner;
  /** Bytes that came before anybody took them. */
  #first: Buffer | null;
  /** Where the peer's bytes go, and where those for the peer come from. */
  #sink: ByteSink | null = null;
  #source: ByteSource | null = null;
  /** Why the connection broke before anybody listened. */
  #broken: Error | null = null;
  #peerEnded = false;
  #ended = false;
  #shutDown = false;
  #held = false;
  #paused = true;
  #closed = false;

  /** The socket must be paused; reading begins with `start`. `first` are bytes that came before. */
  constructor(socket: DuplexSocket, writer: SocketWriter, first: Uint8Array, owner: DuplexOwner) {
    this.#socket = socket;
    this.#writer = writer;
    this.#owner = owner;
    this.#first = first.length === 0 ? null : Buffer.from(first);
  }

  get source(): this {
    return this;
  }

  get sink(): this {
    return this;
  }

  destroy(): void {
    if (this.#closed) return;
    // First: closing the socket may report its end at once.
    this.#leave();
    this.#owner.breakOff();
  }

  // The source: what the peer sends.

  start(sink: ByteSink): void {
    this.#sink = sink;
    if (this.#closed) {
      sink.abort(this.#broken ?? lost(null));
      return;
    }
    const first = this.#first;
    this.#first = null;
    const takesMore = first === null || sink.write(first);
    if (first !== null && !this.#closed) sink.flush();
    if (this.#closed) return;
    if (this.#peerEnded) sink.end(null);
    else if (takesMore) this.resume();
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

  /** Nobody can take the peer's bytes: half a tunnel is of no use, and whoever joined it is told. */
  cancel(): void {
    this.fail(null);
  }

  // The sink: what the peer gets.

  attach(source: ByteSource): void {
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
    this.fail(null);
  }

  // The socket.

  onData(bytes: Buffer): void {
    const sink = this.#sink;
    if (this.#closed) return;
    if (sink === null) {
      // They were read before the pause counted.
      this.#first = this.#first === null ? Buffer.from(bytes) : Buffer.concat([this.#first, bytes]);
      return;
    }
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
      this.fail(null);
      return;
    }
    this.#peerEnded = true;
    this.#sink?.end(null);
    if (this.#shutDown) this.#close();
  }

  onClose(error: Error | null): void {
    // Once our side was ended, Bun reports the peer's end as an orderly close alone.
    if (error === null && this.#shutDown) this.onPeerEnd();
    this.fail(error);
  }

  #sendEnd(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    if (this.#peerEnded) this.#close();
    else this.#socket.shutdown();
  }

  #close(): void {
    if (this.#closed) return;
    this.#leave();
    this.#socket.end();
  }

  #leave(): void {
    this.#closed = true;
    this.#writer.close();
    this.#owner.closed();
  }

  /** Both directions break; whoever is still in the middle of one is told. */
  fail(error: Error | null): void {
    if (this.#closed) return;
    this.#broken = lost(error);
    this.destroy();
    if (!this.#ended) this.#source?.cancel();
    if (!this.#peerEnded) this.#sink?.abort(this.#broken);
  }
}

function lost(error: Error | null): Error {
  return new Error(error === null ? "tunnel broken" : `tunnel broken: ${error.message}`);
}
