/**
 * The https port behind load balancers that send PROXY headers. The header comes before TLS, where the
 * TLS listener can't look, so this port takes it off and relays what follows to that listener, which
 * asks here who is behind each of its connections.
 */
import {
  connectionSweepIntervalMs,
  tcpKeepAliveMs,
  type ClientLimits,
} from "../../../config/defaults.ts";
import { listenAt, type ListeningPlace } from "../../../net/every-address.ts";
import type { CidrList } from "../../../lib/cidr.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Logger } from "../../../lib/logger.ts";
import { widenAcceptQueue } from "./accept-queue.ts";
import { bindError, checkPort } from "../../../net/bind-error.ts";
import type { ClientConnection } from "./client-connection.ts";
import { ConnectionSet } from "./connection-set.ts";
import type { DescriptorGuard } from "./descriptor-guard.ts";
import { closeFailedSocket } from "./failed-socket.ts";
import type { ProxySource } from "../../../protocols/proxy-protocol/proxy-header.ts";
import { ProxiedConnection } from "./proxied-connection.ts";
import { ProxyRelay } from "./proxy-relay.ts";
import { ProxyHeaderFaults } from "./proxy-header-faults.ts";
import { peerOf } from "./socket-peer.ts";

export interface ProxyFrontOptions extends ListeningPlace {
  limits: ClientLimits;
  clock: Clock;
  logger: Logger;
  /** Shared by all listeners. */
  descriptors: DescriptorGuard;
  /** Peers whose connections begin with a PROXY header. */
  proxyPeers: CidrList;
  /** Of the TLS listener, on the loopback interface. */
  innerPort: number;
}

/** Bun's types leave the descriptor out. */
type FrontSocket = Bun.Socket<ClientConnection | null> & { readonly fd: number };

export class ProxyFront {
  readonly #options: ProxyFrontOptions;
  readonly #connections: ConnectionSet;
  readonly #listener: Bun.TCPSocketListener<ClientConnection | null>;
  /** Clients by the local port of the connection that carries their bytes. */
  readonly #clients = new Map<number, ProxySource>();
  readonly #faults: ProxyHeaderFaults;
  #accepting = true;

  constructor(options: ProxyFrontOptions) {
    this.#options = options;
    this.#faults = new ProxyHeaderFaults(options.clock, options.logger);
    this.#connections = new ConnectionSet(options.clock, connectionSweepIntervalMs);
    this.#listener = this.#listen();
    widenAcceptQueue(this.#listener);
  }

  get port(): number {
    return this.#listener.port ?? this.#options.port;
  }

  /** Whose bytes an inner connection carries, by its remote port; undefined: nobody's. */
  clientOf(innerRemotePort: number): ProxySource | undefined {
    return this.#clients.get(innerRemotePort);
  }

  /** Takes no more connections; resolves when all are closed, which is up to the TLS listener. */
  finish(): Promise<void> {
    this.#accepting = false;
    this.#listener.stop(false);
    return this.#connections.finishAll();
  }

  destroy(): void {
    this.#accepting = false;
    this.#listener.stop(true);
    this.#connections.destroyAll();
  }

  #listen(): Bun.TCPSocketListener<ClientConnection | null> {
    const { bind, port, logger } = this.#options;
    checkPort(port);
    try {
      return listenAt(this.#options, (where) =>
        Bun.listen<ClientConnection | null>({
          ...where,
          allowHalfOpen: true,
          data: null,
          socket: {
            open: (socket) => void (socket.data = this.#accept(socket as FrontSocket)),
            data: (socket, chunk) => socket.data?.onData(chunk),
            drain: (socket) => socket.data?.onDrain(),
            end: (socket) => socket.data?.onEnd(),
            close: (socket, error) => socket.data?.onClose(error ?? null),
            error: (socket, error) => closeFailedSocket(socket, error, logger),
          },
        }),
      );
    } catch (error) {
      throw bindError("tcp", bind, port, error);
    }
  }

  #accept(socket: FrontSocket): ClientConnection | null {
    const { limits, proxyPeers, descriptors } = this.#options;
    const peer = peerOf(socket);
    if (!this.#accepting || peer === null || !descriptors.admits(socket.fd)) {
      socket.terminate();
      return null;
    }
    socket.setKeepAlive(true, tcpKeepAliveMs);
    if (!proxyPeers.contains(peer.address)) return this.#relay(socket, peer);
    return new ProxiedConnection({
      peer,
      connections: this.#connections,
      headerTimeoutMs: limits.headerTimeoutMs,
      faults: this.#faults,
      accept: (source) => (socket.data = this.#relay(socket, source)),
      close: () => socket.end(),
    });
  }

  #relay(socket: FrontSocket, source: ProxySource): ProxyRelay {
    return new ProxyRelay(socket, {
      connections: this.#connections,
      innerPort: this.#options.innerPort,
      stallTimeoutMs: this.#options.limits.stallTimeoutMs,
      opened: (localPort) => this.#clients.set(localPort, source),
      closed: (localPort) => this.#clients.delete(localPort),
    });
  }
}
