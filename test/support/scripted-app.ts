/** An app that answers with exact bytes and keeps what it was sent; health checks are answered. */
import type { RawConnection } from "./raw-connection.ts";
import { readRequest, type RawMessage } from "./raw-response.ts";
import { startRawServer } from "./raw-server.ts";

/** Null leaves the request without an answer from here: the script has seen to it, or never will. */
export type Answer = string | Uint8Array | null;

export type AppScript = (
  request: RawMessage,
  connection: RawConnection,
) => Answer | Promise<Answer>;

export interface ScriptedApp extends Disposable {
  /** `127.0.0.1:port`, as `--target` takes it. */
  readonly address: string;
  readonly port: number;
  /** Requests other than health checks, complete with their bodies, in order. */
  readonly requests: RawMessage[];
  /** Connections that carried such a request, in order. */
  readonly connections: RawConnection[];
  /** Connections that are open, also those of health checks. */
  readonly openConnections: number;
  /** Health checks so far. */
  readonly probeCount: number;
  /** Bytes of all connections so far, health checks included. */
  readonly receivedBytes: number;
  /** What a health check gets. */
  healthAnswer: Answer;
  answer: AppScript;
}

export const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

export function startScriptedApp(answer: AppScript = () => ok): ScriptedApp {
  const requests: RawMessage[] = [];
  const connections: RawConnection[] = [];
  let probeCount = 0;
  const server = startRawServer(async (connection) => {
    for (;;) {
      const request = await readRequest(connection);
      if (request.startLine.startsWith("GET /up ")) {
        probeCount += 1;
        const bytes = app.healthAnswer;
        if (bytes !== null) connection.send(bytes);
        continue;
      }
      requests.push(request);
      if (!connections.includes(connection)) connections.push(connection);
      const bytes = await app.answer(request, connection);
      if (bytes !== null) connection.send(bytes);
    }
  });
  const app: ScriptedApp = {
    address: server.address,
    port: server.port,
    requests,
    connections,
    get openConnections() {
      return server.connections.filter((connection) => !connection.peerEnded).length;
    },
    get probeCount() {
      return probeCount;
    },
    get receivedBytes() {
      return server.connections.reduce((sum, connection) => sum + connection.receivedBytes, 0);
    },
    healthAnswer: ok,
    answer,
    [Symbol.dispose]: () => server[Symbol.dispose](),
  };
  return app;
}
