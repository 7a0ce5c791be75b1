/**
 * A connection of the https port that begins with a PROXY header: takes the header off the socket, to its last
 * byte and no further, so that TLS finds its first byte. Bun's reading is paused meanwhile; the header is
 * looked at where it waits in the kernel. Nobody tells when bytes come there, so it is looked again and
 * again, first at once and then with pauses that double: load balancers send the header as they connect.
 */
import { ptr } from "bun:ffi";
import { proxyHeaderLookMs } from "../../../config/limits.ts";
import { lastErrno, type Libc } from "../../../net/libc.ts";
import { maxProxyHeaderBytes } from "../../../protocols/proxy-protocol/proxy-header.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ProxiedConnection, type ProxiedConnectionOptions } from "./proxied-connection.ts";
import type { TlsSocket } from "./tls-socket.ts";

// Values of Linux, on every architecture that Bun runs on.
/** MSG_DONTWAIT */
const takeFlags = 0x40;
/** MSG_DONTWAIT | MSG_PEEK */
const lookFlags = 0x42;
const tryAgain = 11;

/** One for all: what is looked at is dealt with at once. */
const buffer = Buffer.allocUnsafeSlow(maxProxyHeaderBytes);

export interface ProxyOpeningOptions extends Omit<ProxiedConnectionOptions, "close"> {
  clock: Clock;
  libc: Libc;
  /** The header was taken off the socket, and TLS has read nothing yet: reading is still paused. */
  taken(): void;
}

export class ProxyOpening {
  readonly #socket: TlsSocket;
  readonly #options: ProxyOpeningOptions;
  readonly #header: ProxiedConnection;
  /** Bytes behind the header, of those that were looked at; -1 before it is complete. */
  #restBytes = -1;
  #pauseMs: number = proxyHeaderLookMs.first;

  constructor(socket: TlsSocket, options: ProxyOpeningOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#header = new ProxiedConnection({
      ...options,
      accept: (source, restBytes) => {
        const connection = options.accept(source, restBytes);
        if (connection !== null) this.#restBytes = restBytes;
        return connection;
      },
      close: () => socket.end(),
    });
    socket.pause();
    setImmediate(this.#look);
  }

  /** What the socket's events are for until the header has come. */
  get connection(): ProxiedConnection {
    return this.#header;
  }

  readonly #look = (): void => {
    if (this.#header.closed) return;
    const count = this.#receive(buffer.length, lookFlags);
    if (count > 0) {
      this.#header.onData(buffer.subarray(0, count));
      if (this.#restBytes >= 0) {
        this.#receive(count - this.#restBytes, takeFlags);
        this.#options.taken();
        return;
      }
      if (this.#header.closed) return;
      // All of it is part of the header. Taken off, it does not hide the end of the connection.
      this.#receive(count, takeFlags);
      this.#pauseMs = proxyHeaderLookMs.first;
    } else if (count === 0 || lastErrno(this.#options.libc) !== tryAgain) {
      this.#header.onEnd();
      return;
    }
    this.#options.clock.after(this.#pauseMs, this.#look);
    this.#pauseMs = Math.min(2 * this.#pauseMs, proxyHeaderLookMs.most);
  };

  #receive(bytes: number, flags: number): number {
    return Number(this.#options.libc.recv(this.#socket.fd, ptr(buffer), bytes, flags));
  }
}
