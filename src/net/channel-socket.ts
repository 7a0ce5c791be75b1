/**
 * Messages of bytes over one of two joined sockets between processes of this program. What was sent before
 * a process died still arrives, and a socket outlives the executable that made it.
 */
import { ptr } from "bun:ffi";
import { maxChannelMessageBytes } from "../config/worker-limits.ts";
import { channelHeader, ChannelReader } from "./channel-reader.ts";
import type { Libc } from "./libc.ts";
import { SocketWriter } from "./socket-writer.ts";

/** Two joined sockets; null when the system has none left. */
export function socketPair(libc: Libc): [number, number] | null {
  const fds = new Int32Array(2);
  // AF_UNIX; SOCK_STREAM | SOCK_CLOEXEC: a child gets its own, and none that is not meant for it.
  return libc.socketpair(1, 1 | 0o2000000, 0, ptr(fds)) === 0 ? [fds[0]!, fds[1]!] : null;
}

export interface ChannelOwner {
  onFrame(kind: number, bytes: Buffer): void;
  /** The other side is gone. */
  onClose(): void;
}

/** A copy of so much costs less than a system call more. */
const joinedBytes = 128 * 1024;

type Socket = Bun.Socket<ChannelSocket | null>;

export class ChannelSocket {
  readonly fd: number;
  /** To be set right after it was adopted. */
  owner: ChannelOwner | null = null;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #reader = new ChannelReader(maxChannelMessageBytes);
  #drained: PromiseWithResolvers<void> | null = null;
  #closed = false;

  private constructor(fd: number, socket: Socket) {
    this.fd = fd;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
  }

  /** Takes a descriptor over. */
  static async adopt(fd: number): Promise<ChannelSocket> {
    const socket = await Bun.connect<ChannelSocket | null>({
      // Bun's types leave it out.
      ...({ fd } as unknown as { hostname: string; port: number }),
      data: null,
      socket: {
        open: (socket) => void (socket.data = new ChannelSocket(fd, socket)),
        data: ({ data: frames }, bytes) => frames!.#received(bytes),
        drain: ({ data: frames }) => frames!.#drain(),
        end: (socket) => void socket.end(),
        close: ({ data: frames }) => frames!.#ended(),
        error: (socket) => void socket.terminate(),
      },
    });
    return socket.data!;
  }

  /** Bytes that the system has not taken yet. */
  get waitingBytes(): number {
    return this.#writer.position - this.#writer.takenBytes;
  }

  /** Resolves when the system has taken everything, or the other side is gone. */
  get drained(): Promise<void> {
    if (this.#closed || !this.#writer.blocked) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  send(kind: number, bytes: Uint8Array): void {
    if (this.#closed) return;
    const header = channelHeader(kind, bytes.length);
    // Sent apart, the header alone would wake the other side.
    if (bytes.length <= joinedBytes) {
      this.#writer.write(Buffer.concat([header, bytes]));
    } else {
      this.#writer.write(header);
      this.#writer.write(bytes);
    }
    this.#writer.flush();
  }

  /** What was sent before still arrives, as far as the system has taken it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    this.#socket.end();
  }

  #drain(): void {
    if (this.#writer.drain()) this.#drained?.resolve();
  }

  #received(bytes: Buffer): void {
    const frames = this.#reader.push(bytes);
    if (frames === null) {
      this.#socket.terminate();
      return;
    }
    for (const { kind, bytes } of frames) {
      if (!this.#closed) this.owner?.onFrame(kind, bytes);
    }
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    this.#drained?.resolve();
    this.owner?.onClose();
  }
}
