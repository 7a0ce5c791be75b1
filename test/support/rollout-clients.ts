/** Visitors of a service in a rollout: requests at a steady rate, each with a cookie of its own. */
import { connectRaw, type RawConnection } from "./raw-connection.ts";
import { readResponse, valuesOf } from "./raw-response.ts";

export interface RolloutClients extends AsyncDisposable {
  readonly answered: number;
  stop(): Promise<void>;
}

export interface RolloutClientOptions {
  port: number;
  host: string;
  /** Requests a second of all of them, as far as the machine keeps up; Infinity: one behind the other. */
  rate?: number;
  clients?: number;
}

export function startRolloutClients(options: RolloutClientOptions): RolloutClients {
  const { port, host, rate = Number.POSITIVE_INFINITY, clients = 8 } = options;
  const startedMs = performance.now();
  let asked = 0;
  let answered = 0;
  const ending = new AbortController();

  async function client(): Promise<void> {
    let connection: RawConnection | null = null;
    while (!ending.signal.aborted) {
      const dueMs = startedMs + (asked / rate) * 1_000;
      const visitor = asked++;
      // The rate, not a wait for something to happen.
      if (dueMs > performance.now()) await Bun.sleep(dueMs - performance.now());
      try {
        connection ??= await connectRaw(port);
        connection.send(
          `GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: kamal-rollout=visitor-${visitor}\r\n\r\n`,
        );
        const response = await readResponse(connection);
        answered++;
        if (!valuesOf(response, "connection").includes("close")) continue;
      } catch {
        // A restart of the proxy cuts connections.
        await Bun.sleep(10);
      }
      connection?.[Symbol.dispose]();
      connection = null;
    }
    connection?.[Symbol.dispose]();
  }

  const all = Promise.all(Array.from({ length: clients }, client));
  const stop = async (): Promise<void> => {
    ending.abort();
    await all;
  };
  return {
    get answered() {
      return answered;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
