/**
 * The control socket: one command per connection, answered with one reply, and before it with news
 * of what the command waits for if the client asked for them. Clients may send nonsense, too much,
 * nothing, or go away: a command that was sent is carried out all the same.
 */
import { lstat, unlink } from "node:fs/promises";
import { rmSync, statSync } from "node:fs";
import { CommandError } from "../../config/command-error.ts";
import {
  controlReadTimeoutMs,
  maxControlConnections,
  maxControlMessageBytes,
} from "../../config/limits.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { codeOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Libc, openLibc } from "../../net/libc.ts";
import { listenUnix } from "../../net/listening-sockets.ts";
import { SocketWriter } from "../../net/socket-writer.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeProgress,
  MessageReader,
  protocolVersion,
} from "./framing.ts";
import type { Report } from "./progress.ts";
import type { Reply } from "./protocol.ts";

export interface ControlServerSettings {
  socketPath: string;
  /** Never rejects. `report` is there when the client wants to know what the command waits for. */
  dispatch: (payload: unknown, report: Report | undefined, client: ControlClient) => Promise<Reply>;
  logger: Logger;
  clock: Clock;
}

/** Who waits for the reply. */
export interface ControlClient {
  /** The descriptor of its connection. */
  readonly fd: number;
  /** Aborts when nobody waits any more. */
  readonly gone: AbortSignal;
}

/** Neither group nor others may send commands. */
const privateUmask = 0o177;

const listenErrors: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EADDRINUSE: "address already in use",
  EINVAL: "invalid argument",
  ENAMETOOLONG: "invalid argument",
  EROFS: "read-only file system",
};

interface Connection {
  readonly reader: MessageReader;
  readonly writer: SocketWriter;
  readTimer: Timer | null;
  readonly gone: AbortController;
  /** Nothing but the rest of the reply is left to do. */
  replied: boolean;
}

/** Bun's types leave the descriptors out. */
type ControlSocket = Bun.Socket<Connection | undefined> & { readonly fd: number };
type UnixListener = Bun.UnixSocketListener<Connection | undefined> & { readonly fd: number };

export class ControlServer {
  readonly #settings: ControlServerSettings;
  readonly #connections = new Map<ControlSocket, Connection>();
  #listener: UnixListener | null = null;
  /** Of the socket file that we made, to know it again. */
  #inode = 0;
  /** Called when the last connection is gone. */
  #idle: (() => void) | null = null;
  /** Called when any connection is gone. */
  #left: (() => void) | null = null;

  constructor(settings: ControlServerSettings) {
    this.#settings = settings;
  }

  /** Takes the place of a dead proxy's socket; a live one's is left alone. */
  async listen(): Promise<void> {
    const { socketPath } = this.#settings;
    await removeStaleSocket(socketPath);
    // The socket must not be open to others even for a moment, so no chmod after the fact.
    const previousUmask = process.umask(privateUmask);
    try {
      const libc = openLibc();
      if (libc === null) this.#serve({ unix: socketPath });
      else this.listenOn(listenUnix(libc, socketPath));
    } catch (error) {
      throw listenError(socketPath, error);
    } finally {
      process.umask(previousUmask);
    }
    this.#inode = inodeOf(socketPath);
  }

  /** Takes commands on a socket that listens already. */
  listenOn(fd: number): void {
    // Bun's types leave it out.
    this.#serve({ fd } as unknown as { unix: string });
    this.#inode = inodeOf(this.#settings.socketPath);
  }

  /**
   * Accepts no more: whoever comes waits in the socket, which is given back. Resolves when all commands but
   * that of `except` are answered, or gone.
   */
  async hold(libc: Libc, except: number): Promise<number> {
    const fd = libc.dup(this.#listener!.fd);
    this.#listener!.stop(false);
    this.#listener = null;
    while ([...this.#connections.keys()].some((socket) => socket.fd !== except)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#left = resolve;
      await promise;
    }
    return fd;
  }

  /** Answers a command of which only its connection is left. */
  async answer(fd: number, reply: Reply): Promise<void> {
    const frames = await Bun.connect<undefined>({
      ...({ fd } as unknown as { unix: string }),
      socket: { data() {}, error() {} },
    });
    frames.write(encodeMessage(reply));
    frames.end();
  }

  #serve(where: { unix: string }): void {
    this.#listener = Bun.listen<Connection | undefined>({
      ...where,
      socket: {
        open: (socket) => this.#opened(socket as ControlSocket),
        data: (socket, bytes) => this.#received(socket as ControlSocket, bytes),
        drain: (socket) => this.#flush(socket as ControlSocket),
        close: (socket) => this.#closed(socket as ControlSocket),
        error: (socket) => void socket.terminate(),
      },
    }) as UnixListener;
  }

  /** Takes no more commands; those under way may finish within `graceMs`, then they are cut off. */
  async close(graceMs: number): Promise<void> {
    this.#stopListening();
    for (const [socket, connection] of this.#connections) {
      if (connection.readTimer !== null) socket.terminate();
    }
    if (this.#connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const timer = this.#settings.clock.after(graceMs, () => {
      for (const socket of this.#connections.keys()) socket.terminate();
      resolve();
    });
    await promise;
    timer.cancel();
  }

  #stopListening(): void {
    const listener = this.#listener;
    this.#listener = null;
    if (listener === null) return;
    // Stopping removes whatever has the name: a socket that is not ours any more has to stay.
    // Nobody can reach our listener then, so it is merely kept from holding up the exit.
    const { socketPath } = this.#settings;
    if (inodeOf(socketPath) !== this.#inode) {
      listener.unref();
      return;
    }
    listener.stop(false);
    // One that was made by its descriptor does not know its name.
    rmSync(socketPath, { force: true });
  }

  #opened(socket: ControlSocket): void {
    if (this.#listener === null || this.#connections.size >= maxControlConnections) {
      socket.terminate();
      return;
    }
    const connection: Connection = {
      reader: new MessageReader(maxControlMessageBytes),
      writer: new SocketWriter(socket),
      readTimer: this.#settings.clock.after(controlReadTimeoutMs, () => socket.terminate()),
      gone: new AbortController(),
      replied: false,
    };
    socket.data = connection;
    this.#connections.set(socket, connection);
  }

  #received(socket: ControlSocket, bytes: Uint8Array): void {
    const connection = socket.data;
    if (connection === undefined) return;
    if (connection.readTimer === null) {
      // One command per connection: who sends on is not listened to any more.
      socket.pause();
      return;
    }
    const received = connection.reader.push(bytes);
    if (received.kind === "more") return;
    connection.readTimer.cancel();
    connection.readTimer = null;
    if (received.kind === "line") {
      void this.#answer(socket, received.line, connection.gone.signal).then((reply) =>
        this.#reply(socket, reply),
      );
    } else {
      const error = `command is larger than ${maxControlMessageBytes} bytes`;
      this.#reply(socket, { ok: false, error });
    }
  }

  async #answer(socket: ControlSocket, line: string, gone: AbortSignal): Promise<Reply> {
    const decoded = decodeMessage(line);
    if (decoded.kind === "payload") {
      const { payload, wantsProgress } = decoded;
      const report = wantsProgress
        ? (progress: unknown) => this.#report(socket, progress)
        : undefined;
      return this.#settings.dispatch(payload, report, { fd: socket.fd, gone });
    }
    const error =
      decoded.kind !== "other-version"
        ? "malformed command"
        : `the proxy speaks protocol version ${protocolVersion}, not ${decoded.version}`;
    this.#settings.logger.warn("Rejected control message", { error });
    return { ok: false, error };
  }

  /** A client that does not read misses news; it never makes the proxy collect them. */
  #report(socket: ControlSocket, progress: unknown): void {
    const connection = socket.data;
    if (connection === undefined || !this.#connections.has(socket)) return;
    if (connection.replied || connection.writer.blocked) return;
    connection.writer.write(encodeProgress(progress));
    connection.writer.flush();
  }

  #reply(socket: ControlSocket, reply: Reply): void {
    const connection = socket.data;
    if (connection === undefined || !this.#connections.has(socket)) return;
    connection.replied = true;
    connection.writer.write(encodeMessage(reply));
    connection.writer.flush();
    if (!connection.writer.blocked) socket.end();
  }

  #flush(socket: ControlSocket): void {
    const connection = socket.data;
    if (connection === undefined) return;
    if (connection.writer.drain() && connection.replied) socket.end();
  }

  #closed(socket: ControlSocket): void {
    const connection = socket.data;
    if (connection === undefined) return;
    connection.readTimer?.cancel();
    connection.gone.abort(new CommandError("the client is gone"));
    connection.readTimer = null;
    connection.writer.close();
    this.#connections.delete(socket);
    this.#left?.();
    if (this.#connections.size === 0) this.#idle?.();
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const entry = await lstat(path).catch(() => null);
  if (entry === null) return;
  // A socket that nobody listens on is what a killed proxy leaves behind.
  if (!entry.isSocket() || (await isAnswering(path))) {
    throw new CommandError(`listen unix ${path}: bind: address already in use`);
  }
  await unlink(path).catch((error: unknown) => {
    throw listenError(path, error);
  });
}

async function isAnswering(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch (error) {
    return codeOf(error) !== "ECONNREFUSED";
  }
}

function inodeOf(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return 0;
  }
}

function listenError(path: string, error: unknown): CommandError {
  const code = codeOf(error);
  return new CommandError(`listen unix ${path}: bind: ${listenErrors[code] ?? code}`);
}
