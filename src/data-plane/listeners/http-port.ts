/** The plain HTTP port. */
import type { Clock } from "../../lib/clock.ts";
import { type ClientLimits } from "../../config/defaults.ts";
import { connectionSweepIntervalMs, tcpKeepAliveMs } from "../../config/limits.ts";
import { listenAt, type ListeningPlace } from "../../net/every-address.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Exchange } from "../../protocols/http/exchange.ts";
import { widenAcceptQueue } from "./accept/accept-queue.ts";
import { inheritKeepAlive } from "./accept/inherited-keep-alive.ts";
import { bindError, checkPort } from "../../net/bind-error.ts";
import type { ClientConnection } from "./accept/client-connection.ts";
import type { ConnectionLimit } from "./accept/connection-limit.ts";
import { ConnectionSet } from "./accept/connection-set.ts";
import type { DescriptorGuard } from "./accept/descriptor-guard.ts";
import { closeFailedSocket } from "./accept/failed-socket.ts";
import { Http1Connection } from "./http1/http1-connection.ts";
import type { Http1Context } from "./http1/http1-context.ts";
import { Http2Connection } from "./http2/http2-connection.ts";
import { http2Context } from "./http2/http2-context.ts";
import { ProxiedConnection } from "./accept/proxied-connection.ts";
import type { ProxySource } from "../../protocols/proxy-protocol/proxy-header.ts";
import type { ProxyPeers } from "./accept/proxy-header-faults.ts";
import { peerOf } from "./accept/socket-peer.ts";

export interface HttpPortOptions extends ListeningPlace {
  showsErrorCodes: boolean;
  limits: ClientLimits;
  clock: Clock;
  logger: Logger;
  /** Shared by all listeners. */
  descriptors: DescriptorGuard;
  /** Shared as well; without it there is no limit. */
  perClient?: ConnectionLimit | null;
  /** Peers whose connections begin with a PROXY header; null: none. */
  proxyPeers: ProxyPeers | null;
  handle(exchange: Exchange): void;
}

export class HttpPort {
  readonly port: number;
  readonly #connections: ConnectionSet;
  readonly #listener: Bun.TCPSocketListener<ClientConnection>;
  readonly #inheritsKeepAlive: boolean;
  #accepting = true;

  constructor(options: HttpPortOptions) {
    this.#connections = new ConnectionSet(options.clock, connectionSweepIntervalMs);
    const http2 = http2Context({
      ...options,
      scheme: "http",
      altSvc: null,
      connections: this.#connections,
    });
    const context: Http1Context = {
      scheme: "http",
      altSvc: null,
      showsErrorCodes: options.showsErrorCodes,
      limits: options.limits,
      connections: this.#connections,
      handle: options.handle,
      wallMs: () => options.clock.wallMs(),
      acceptHttp2: (socket, source) =>
        ((socket as TcpSocket).data = new Http2Connection(socket, http2, source)),
    };
    const mayStay = (socket: TcpSocket, { address }: ProxySource): boolean =>
      options.perClient?.admits(socket, address) ?? true;
    this.#listener = listen(options, (socket) => {
      const peer = peerOf(socket);
      if (!this.#accepting || peer === null || !options.descriptors.admits(socket.fd)) {
        socket.terminate();
        return null;
      }
      if (!this.#inheritsKeepAlive) socket.setKeepAlive(true, tcpKeepAliveMs);
      const begin = (source: ProxySource): ClientConnection =>
        new Http1Connection(socket, context, source);
      if (options.proxyPeers === null || !options.proxyPeers.addresses.contains(peer.address)) {
        if (mayStay(socket, peer)) return begin(peer);
        socket.terminate();
        return null;
      }
      return new ProxiedConnection({
        peer,
        connections: this.#connections,
        headerTimeoutMs: options.limits.headerTimeoutMs,
        faults: options.proxyPeers.faults,
        accept: (source) => (mayStay(socket, source) ? (socket.data = begin(source)) : null),
        close: () => socket.end(),
      });
    });
    widenAcceptQueue(this.#listener);
    this.#inheritsKeepAlive = inheritKeepAlive(this.#listener);
    // One that was handed in does not know it.
    this.port = this.#listener.port ?? options.port;
  }

  /** Accepts no more; those that were accepted go on. */
  stopAccepting(): void {
    this.#listener.stop(false);
  }

  /** Takes no more connections; resolves when every request under way is answered. */
  finish(): Promise<void> {
    this.#accepting = false;
    this.#listener.stop(false);
    return this.#connections.finishAll();
  }

  get connections(): ConnectionSet {
    return this.#connections;
  }

  destroy(): void {
    this.#listener.stop(true);
    this.#connections.destroyAll();
  }
}

/** Bun's types leave the descriptor out. */
type TcpSocket = Bun.Socket<ClientConnection | null> & { readonly fd: number };

function listen(
  options: HttpPortOptions,
  accept: (socket: TcpSocket) => ClientConnection | null,
): Bun.TCPSocketListener<ClientConnection> {
  const socket: Bun.SocketHandler<ClientConnection | null> = {
    open(socket) {
      socket.data = accept(socket as TcpSocket);
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
    close(socket, error) {
      options.perClient?.left(socket);
      socket.data?.onClose(error ?? null);
    },
    error(socket, error) {
      closeFailedSocket(socket, error, options.logger);
    },
  };
  const { bind, port } = options;
  checkPort(port);
  try {
    return listenAt(options, (where) =>
      Bun.listen({ ...where, allowHalfOpen: true, socket, data: null }),
    ) as Bun.TCPSocketListener<ClientConnection>;
  } catch (error) {
    throw bindError("tcp", bind, port, error);
  }
}
