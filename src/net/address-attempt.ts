/** A connection to one address on its way through the system and Bun, with its TLS handshake if there is one. */
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Socket, SocketHandler } from "bun";
import type { Endpoint, SocketOwner } from "./connector.ts";
import { trustedRoots } from "./trusted-roots.ts";
import { dial, type Dialled, hangUp, isConnected } from "./dial.ts";

/** Hears of one outcome, maybe before `start` returns. */
export interface AddressAttemptOwner {
  /** Whoever takes the socket sets its `data`. */
  onConnected(socket: Socket<SocketOwner>): void;
  onFailed(error: Error): void;
}

/** Why there is no connection; `code` is the system's. */
export class ConnectError extends Error {
  constructor(
    readonly code: string,
    message: string = code,
  ) {
    super(message);
    this.name = "ConnectError";
  }
}

/** Bun's types leave the descriptor out. */
type DescribedSocket = Socket<SocketOwner> & { readonly fd: number };

export class AddressAttempt implements SocketOwner {
  readonly #address: string;
  readonly #to: Endpoint;
  #owner: AddressAttemptOwner | null;
  #socket: DescribedSocket | null = null;

  constructor(address: string, to: Endpoint, owner: AddressAttemptOwner) {
    this.#address = address;
    this.#to = to;
    this.#owner = owner;
  }

  start(): void {
    const { port } = this.#to;
    let dialled: Dialled | null = null;
    try {
      dialled = dial(this.#address, port);
      if (dialled === null) this.#begin({ hostname: this.#address, port });
      else if ("code" in dialled) this.#fail(new ConnectError(dialled.code));
      else this.#begin({ fd: dialled.descriptor });
    } catch (error) {
      if (dialled !== null && "descriptor" in dialled) hangUp(dialled.descriptor);
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Bun's types leave out that a descriptor may be of a socket that is not connected yet. */
  #begin(where: { hostname: string; port: number } | { fd: number }): void {
    const { host, secure } = this.#to;
    Bun.connect<SocketOwner>({
      ...where,
      data: this,
      // A tunnel may need it, and it can't be changed later.
      allowHalfOpen: true,
      socket: socketHandlers,
      ...(secure === true && { tls: clientTls(host) }),
    } as never).catch(alreadyReported);
  }

  /** Without effect when there is an outcome. */
  abandon(): void {
    this.#owner = null;
    this.#socket?.terminate();
    this.#socket = null;
  }

  onOpen(socket: DescribedSocket): void {
    if (this.#owner === null) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    // The handshake waits for the connection by itself.
    if (this.#to.secure === true) return;
    if (isConnected(socket.fd)) this.#connected(socket);
    // Only a write makes Bun wait until the socket can be written to, which is when it is connected.
    else socket.write(nothing);
  }

  onDrain(): void {
    const socket = this.#socket;
    if (socket !== null && this.#to.secure !== true && isConnected(socket.fd))
      this.#connected(socket);
  }

  onHandshake(socket: DescribedSocket, error: Error | null): void {
    const fault = certificateFault(socket, this.#to.host, error);
    if (fault === null) this.#connected(socket);
    else this.#fail(new ConnectError("", fault));
  }

  onConnectError(error: Error): void {
    this.#fail(error);
  }

  onData(): void {}

  onPeerEnd(): void {
    this.#fail(new ConnectError("ECONNRESET"));
  }

  onClose(error: Error | null): void {
    this.#socket = null;
    this.#fail(error ?? new ConnectError("ECONNRESET"));
  }

  #connected(socket: DescribedSocket): void {
    const owner = this.#owner;
    this.#owner = null;
    this.#socket = null;
    owner?.onConnected(socket);
  }

  #fail(error: Error): void {
    const owner = this.#owner;
    this.abandon();
    owner?.onFailed(error);
  }
}

const nothing = new Uint8Array(0);

/** `connectError` has told the owner. */
function alreadyReported(): void {}

function clientTls(serverName: string) {
  const ca = trustedRoots();
  return { serverName, rejectUnauthorized: true, ...(ca !== null && { ca }) };
}

function certificateFault(
  socket: Socket<SocketOwner>,
  host: string,
  error: Error | null,
): string | null {
  if (error !== null || !socket.authorized) {
    return `TLS handshake failed: ${error?.message ?? "certificate is not trusted"}`;
  }
  const certificate = socket.getPeerCertificate() as PeerCertificate;
  return checkServerIdentity(host, certificate)?.message ?? null;
}

/** One object for all connections; the state is in `socket.data`. */
const socketHandlers: SocketHandler<SocketOwner> = {
  open(socket) {
    (socket.data as AddressAttempt).onOpen(socket as DescribedSocket);
  },
  handshake(socket, _success, error) {
    (socket.data as AddressAttempt).onHandshake(socket as DescribedSocket, error);
  },
  data(socket, bytes) {
    socket.data.onData(bytes);
  },
  drain(socket) {
    socket.data.onDrain();
  },
  end(socket) {
    socket.data.onPeerEnd();
  },
  close(socket, error) {
    socket.data.onClose(error ?? null);
  },
  /** A handler threw: the connection's state is not to be trusted. */
  error(socket, error) {
    socket.data.onClose(error);
    socket.terminate();
  },
  connectError(socket, error) {
    (socket.data as AddressAttempt).onConnectError(error);
  },
};
