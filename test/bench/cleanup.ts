/** What a bench run has started: ended in reverse order, also when a signal ends the run. */
import { waitFor } from "../support/wait-for.ts";

const started = new Set<AsyncDisposable>();

export function track<T extends AsyncDisposable>(part: T): T {
  started.add(part);
  return part;
}

/** Ends one part. */
export async function end(part: AsyncDisposable): Promise<void> {
  if (started.delete(part)) await part[Symbol.asyncDispose]();
}

export async function endAll(): Promise<void> {
  for (const part of [...started].toReversed()) await end(part);
}

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
}

export interface ServerCommand {
  command: string[];
  env?: Record<string, string>;
  /** File that takes stdout and stderr. */
  logPath: string;
  /** The server is ready when it can be connected to. */
  port: number;
}

/** Starts a server; resolves when its port is open. It is ended by its pid. */
export async function startServer(server: ServerCommand): Promise<ServerProcess> {
  const log = Bun.file(server.logPath);
  const child = Bun.spawn(server.command, {
    env: { PATH: process.env["PATH"] ?? "", ...server.env },
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  const running = track({
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await child.exited;
      clearTimeout(timer);
    },
  });
  try {
    await waitFor(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return true;
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: server.port,
        socket: { data() {} },
      });
      socket.end();
      return true;
    }, `${server.command[0]} to listen`);
    if (child.exitCode !== null) {
      throw new Error(`${server.command.join(" ")} ended: ${(await log.text()).slice(-500)}`);
    }
  } catch (error) {
    await end(running);
    throw error;
  }
  return running;
}
