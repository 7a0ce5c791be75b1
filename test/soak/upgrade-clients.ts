/** Clients that go on through upgrades as good clients do: they obey `Connection: close` and GOAWAY. */
import { Http2Connection } from "../support/http2-connection.ts";
import { frameTypes, headersFrame } from "../support/http2-frames.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";

export const serverName = "upgrades.test";
const requestsPerConnection = 20;
const messagesPerTunnel = 100;
const uploadBytes = 500_000;
const longestPauseMs = 200;
const tls = { serverName, rejectUnauthorized: false };

export type ClientPorts = Record<"httpPort" | "httpsPort", number>;
/** Does something once, for a while; throws when it is not answered as it should be. */
export type Act = (ports: ClientPorts) => Promise<number>;

/** What is done, and by how many of a hundred. */
export const kinds: Record<string, { share: number; act: Act }> = {
  new: { share: 20, act: ({ httpPort }) => converse(() => connectRaw(httpPort), 1) },
  kept: {
    share: 30,
    act: ({ httpPort }) => converse(() => connectRaw(httpPort), requestsPerConnection),
  },
  tls: { share: 15, act: ({ httpsPort }) => converse(() => connectRaw(httpsPort, { tls }), 1) },
  "tls kept": {
    share: 10,
    act: ({ httpsPort }) => converse(() => connectRaw(httpsPort, { tls }), requestsPerConnection),
  },
  http2: { share: 10, act: http2 },
  uploads: {
    share: 10,
    act: ({ httpPort }) => converse(() => connectRaw(httpPort), 1, "x".repeat(uploadBytes)),
  },
  tunnels: { share: 5, act: tunnel },
};

/** What the app answers. */
export function startUpgradeApp(): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request, server) {
      if (server.upgrade(request)) return undefined;
      return new Response(String((await request.bytes()).length));
    },
    websocket: { message: (socket, message) => void socket.send(message) },
  });
}

async function converse(
  connect: () => Promise<RawConnection>,
  requests: number,
  body = "",
): Promise<number> {
  using connection = await connect();
  const [line, length] =
    body === ""
      ? ["GET / HTTP/1.1", ""]
      : ["POST / HTTP/1.1", `Content-Length: ${body.length}\r\n`];
  for (let done = 1; ; done++) {
    const close = done === requests ? "Connection: close\r\n" : "";
    const isReused = done > 1;
    connection.send(`${line}\r\nHost: ${serverName}\r\n${length}${close}\r\n${body}`);
    const answer = await readResponse(connection).catch((error: unknown) => {
      // Both sides may end a kept connection at any time: who has got nothing yet asks again (RFC 9110 9.2.2).
      if (isReused && connection.unread === "") return null;
      throw error;
    });
    if (answer === null) return done - 1;
    const text = answer.body.toString();
    if (answer.status !== 200 || text !== String(body.length)) {
      throw new Error(`answered ${answer.status} ${text.slice(0, 200)}`);
    }
    if (done === requests || valuesOf(answer, "connection").includes("close")) return done;
    await pause();
  }
}

async function http2({ httpsPort }: ClientPorts): Promise<number> {
  using client = await Http2Connection.open(httpsPort, [], serverName);
  for (let done = 1; ; done++) {
    const stream = 2 * done - 1;
    client.send(
      headersFrame(stream, [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", serverName],
        [":path", "/"],
      ]),
    );
    const outcome = await client.ended(stream);
    if (outcome !== "ended" && isUnseen(client, stream)) return done - 1;
    const body = client.body(stream).toString();
    if (outcome !== "ended" || body !== "0") throw new Error(`${outcome}: ${body.slice(0, 200)}`);
    const leaves = client.frames.some(({ type }) => type === frameTypes.goAway);
    if (leaves || done === requestsPerConnection) return done;
    await pause();
  }
}

/** The last GOAWAY says that nobody has looked at the stream, which may be sent again (RFC 9113 6.8). */
function isUnseen(client: Http2Connection, stream: number): boolean {
  const last = client.frames.findLast(({ type }) => type === frameTypes.goAway);
  return last !== undefined && last.payload.readUInt32BE(0) < stream;
}

/** Lives through several upgrades: every message comes back, until this side closes. */
async function tunnel({ httpPort }: ClientPorts): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${httpPort}/`, {
    headers: { host: serverName },
  } as unknown as string[]);
  try {
    await next(socket, "open");
    for (let sent = 0; sent < messagesPerTunnel; sent++) {
      socket.send(String(sent));
      const { data } = (await next(socket, "message")) as MessageEvent;
      if (data !== String(sent)) throw new Error(`echo of ${sent}: ${data}`);
      await pause();
    }
    return messagesPerTunnel;
  } finally {
    socket.close();
  }
}

function next(socket: WebSocket, event: "open" | "message"): Promise<Event> {
  const { promise, resolve, reject } = Promise.withResolvers<Event>();
  socket.addEventListener(event, resolve, { once: true });
  socket.addEventListener("close", () => reject(new Error("the tunnel was closed")), {
    once: true,
  });
  return promise;
}

async function pause(): Promise<void> {
  await Bun.sleep(Math.random() * longestPauseMs);
}
