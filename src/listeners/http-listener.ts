/** The plain HTTP port. */
import type { Clock } from "../lib/clock.ts";
import { CommandError } from "../config/command-error.ts";
import { connectionSweepIntervalMs, type ClientLimits } from "../config/defaults.ts";
import { unmapIpv4 } from "../lib/socket-address.ts";
import type { Exchange } from "../proxy/exchange.ts";
import type { ClientConnection } from "./client-connection.ts";
import { ConnectionSet } from "./connection-set.ts";
import { Http1Connection, type Http1Context } from "./http1-connection.ts";

export interface HttpListenerOptions {
  /** Empty: every address, IPv4 and IPv6. */
  bind: string;
  port: number;
  limits: ClientLimits;
  clock: Clock;
  handle(exchange: Exchange): void;
}

export class HttpListener {
  readonly #connections: ConnectionSet;
  readonly #listener: Bun.TCPSocketListener<ClientConnection>;
  #accepting = true;

  constructor(options: HttpListenerOptions) {
    this.#connections = new ConnectionSet(options.clock, connectionSweepIntervalMs);
    const context: Http1Context = {
      scheme: "http",
      limits: options.limits,
      connections: this.#connections,
      handle: options.handle,
      wallMs: () => options.clock.wallMs(),
    };
    this.#listener = listen(options.bind, options.port, (socket) => {
      if (!this.#accepting) {
        socket.terminate();
        return null;
      }
      return new Http1Connection(
        socket,
        context,
        unmapIpv4(socket.remoteAddress),
        socket.remotePort,
      );
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void> {
    this.#accepting = false;
    this.#listener.stop(false);
    return this.#connections.finishAll();
  }

  destroy(): void {
    this.#listener.stop(true);
    this.#connections.destroyAll();
  }
}

type TcpSocket = Bun.Socket<ClientConnection | null>;

/** Binds the port; a port in use is reported in the words of Go's net package. */
function listen(
  bind: string,
  port: number,
  accept: (socket: TcpSocket) => ClientConnection | null,
): Bun.TCPSocketListener<ClientConnection> {
  const socket: Bun.SocketHandler<ClientConnection | null> = {
    open(socket) {
      socket.data = accept(socket);
    },
    data(socket, chunk) {
      socket.data?.onData(chunk);
    },
    drain(socket) {
      socket.data?.onDrain();
    },
    end(socket) {
      socket.data?.onEnd();
    },
    close(socket) {
      socket.data?.onClose();
    },
    error(socket) {
      socket.data?.onClose();
    },
  };
  const address = bind === "" ? `:${port}` : `${bind}:${port}`;
  if (port < 0 || port > 65_535) {
    throw new CommandError(`listen tcp: address ${port}: invalid port`);
  }
  try {
    return Bun.listen({
      hostname: bind === "" ? "::" : bind,
      port,
      allowHalfOpen: true,
      socket,
      data: null,
    }) as Bun.TCPSocketListener<ClientConnection>;
  } catch (error) {
    throw new CommandError(`listen tcp ${address}: bind: ${bindReason(error)}`);
  }
}

function bindReason(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code === "EADDRINUSE") return "address already in use";
  if (code === "EACCES") return "permission denied";
  if (code === "EADDRNOTAVAIL") return "cannot assign requested address";
  return error instanceof Error ? error.message : String(error);
}
