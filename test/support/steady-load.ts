/** A few clients that send requests all the time, on kept and on new connections, and what they got. */
import { connectRaw, type RawConnection } from "./raw-connection.ts";
import { readResponse, valuesOf } from "./raw-response.ts";

export interface SteadyLoad extends AsyncDisposable {
  /** Answered requests so far. */
  readonly answered: number;
  /** What went wrong, in words. */
  readonly failures: string[];
  /** Resolves when the requests under way are answered. */
  stop(): Promise<void>;
}

export interface SteadyLoadOptions {
  port: number;
  host: string;
  /** Whether this is one of the answers that may come. */
  accepts: (body: string) => boolean;
}

/** Two clients keep their connection, one opens one for each request; GET and POST in turns. */
export function startSteadyLoad(options: SteadyLoadOptions): SteadyLoad {
  const ending = new AbortController();
  let answered = 0;
  const failures: string[] = [];

  async function client(keeps: boolean): Promise<void> {
    let connection: RawConnection | null = null;
    for (let turn = 0; !ending.signal.aborted; turn++) {
      try {
        connection ??= await connectRaw(options.port);
        const { body, closes } = await exchange(connection, options.host, turn, keeps);
        if (options.accepts(body)) answered += 1;
        else failures.push(`answer ${body}`);
        if (keeps && !closes) continue;
      } catch (error) {
        failures.push(String(error));
      }
      connection?.[Symbol.dispose]();
      connection = null;
    }
    connection?.[Symbol.dispose]();
  }

  const clients = Promise.all([client(true), client(true), client(false)]);
  const stop = async (): Promise<void> => {
    ending.abort();
    await clients;
  };
  return {
    get answered() {
      return answered;
    },
    failures,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function exchange(
  connection: RawConnection,
  host: string,
  turn: number,
  keeps: boolean,
): Promise<{ body: string; closes: boolean }> {
  const close = keeps ? "" : "Connection: close\r\n";
  const [line, body] = turn % 2 === 0 ? ["GET /", ""] : ["POST /", `turn ${turn}`];
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  connection.send(`${line} HTTP/1.1\r\nHost: ${host}\r\n${length}${close}\r\n${body}`);
  const response = await readResponse(connection);
  const text = response.body.toString();
  return {
    body: response.status === 200 ? text : `${response.status} ${text.slice(0, 200)}`,
    closes: valuesOf(response, "connection").includes("close"),
  };
}
