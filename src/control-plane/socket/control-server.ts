/**
 * The control socket: one command per connection, answered with one reply, and before it with news
 * of what the command waits for if the client asked for them. Clients may send nonsense, too much,
 * nothing, or go away: a command that was sent is carried out all the same.
 */
import { lstat, unlink } from "node:fs/promises";
import { statSync } from "node:fs";
import { CommandError } from "../../config/command-error.ts";
import {
  controlReadTimeoutMs,
  maxControlConnections,
  maxControlMessageBytes,
} from "../../config/defaults.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { codeOf } from "../../lib/error-text.ts";
import type { Logger } from "../../lib/logger.ts";
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
  dispatch: (payload: unknown, report?: Report) => Promise<Reply>;
  logger: Logger;
  clock: Clock;
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
  /** Nothing but the rest of the reply is left to do. */
  replied: boolean;
}

type ControlSocket = Bun.Socket<Connection | undefined>;

export class ControlServer {
  readonly #settings: ControlServerSettings;
  readonly #connections = new Map<ControlSocket, Connection>();
  #listener: Bun.UnixSocketListener<Connection | undefined> | null = null;
  /** Of the socket file that we made, to know it again. */
  #inode = 0;
  /** Called when the last connection is gone. */
  #idle: (() => void) | null = null;

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
      this.#listener = Bun.listen<Connection | undefined>({
        unix: socketPath,
        socket: {
          open: (socket) => this.#opened(socket),
          data: (socket, bytes) => this.#received(socket, bytes),
          drain: (socket) => this.#flush(socket),
          close: (socket) => this.#closed(socket),
          error: (socket) => void socket.terminate(),
        },
      });
    } catch (error) {
      throw listenError(socketPath, error);
    } finally {
      process.umask(previousUmask);
    }
    this.#inode = inodeOf(socketPath);
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
    if (inodeOf(this.#settings.socketPath) === this.#inode) listener.stop(false);
    else listener.unref();
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
      void this.#answer(socket, received.line).then((reply) => this.#reply(socket, reply));
    } else {
      const error = `command is larger than ${maxControlMessageBytes} bytes`;
      this.#reply(socket, { ok: false, error });
    }
  }

  async #answer(socket: ControlSocket, line: string): Promise<Reply> {
    const decoded = decodeMessage(line);
    if (decoded.kind === "payload") {
      const { payload, wantsProgress } = decoded;
      if (wantsProgress !== true) return this.#settings.dispatch(payload);
      return this.#settings.dispatch(payload, (progress) => this.#report(socket, progress));
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
    connection.readTimer = null;
    connection.writer.close();
    this.#connections.delete(socket);
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
