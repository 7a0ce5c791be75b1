/** An app server that a test scripts byte by byte. */
import { RawConnection, rawConnectionHandlers } from "./raw-connection.ts";

export type RawScript = (connection: RawConnection, index: number) => void | Promise<void>;

export interface RawServer extends Disposable {
  readonly port: number;
  /** `127.0.0.1:port`, as `--target` takes it. */
  readonly address: string;
  /** Every connection so far, in order. */
  readonly connections: RawConnection[];
  /** What scripts threw, other than by a connection that ended under them. */
  readonly errors: unknown[];
}

/** Runs `script` for each connection; the connection stays open when the script is done. */
export function startRawServer(script: RawScript): RawServer {
  const connections: RawConnection[] = [];
  const errors: unknown[] = [];
  const listener = Bun.listen<RawConnection>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      ...rawConnectionHandlers,
      open(socket) {
        const connection = new RawConnection();
        socket.data = connection;
        connection.opened(socket);
        connections.push(connection);
        void runScript(script, connection, connections.length - 1, errors);
      },
    },
  });
  return {
    port: listener.port,
    address: `127.0.0.1:${listener.port}`,
    connections,
    errors,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

/** Answers each request head with the same bytes; bodies are not read. */
export function startAnsweringServer(response: string): RawServer {
  return startRawServer(async (connection) => {
    for (;;) {
      await connection.receive("\r\n\r\n");
      connection.send(response);
    }
  });
}

async function runScript(
  script: RawScript,
  connection: RawConnection,
  index: number,
  errors: unknown[],
): Promise<void> {
  try {
    await script(connection, index);
  } catch (error) {
    if (!connection.peerEnded) errors.push(error);
  }
}
