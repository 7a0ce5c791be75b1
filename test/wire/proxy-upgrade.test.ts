/** Upgraded connections through the real proxy: bytes both ways, ends both ways, refusals. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type AppScript, type ScriptedApp } from "../support/scripted-app.ts";
import { within } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
  await proxy.deploy(
    "buffered",
    app.address,
    "--host=buffered",
    "--buffer-requests",
    "--buffer-responses",
  );
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";

function upgradeRequest(host = "a", protocol = "chat"): string {
  return `GET /chat HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/** An app that switches, and its end of each tunnel. */
function switchingApp(): Promise<RawConnection> {
  const { promise, resolve } = Promise.withResolvers<RawConnection>();
  app.answer = (_request, connection) => {
    connection.send(switching);
    resolve(connection);
    // The script reads no further requests: what comes now belongs to the test.
    return new Promise(() => {});
  };
  return promise;
}

async function openTunnel(host?: string): Promise<[client: RawConnection, app: RawConnection]> {
  const switched = switchingApp();
  const client = await connectRaw(proxy.httpPort);
  client.send(upgradeRequest(host));
  const response = await readResponse(client);
  expect(response.status).toBe(101);
  expect(valuesOf(response, "upgrade")).toEqual(["chat"]);
  expect(valuesOf(response, "connection").join().toLowerCase()).toBe("upgrade");
  return [client, await switched];
}

describe.each(["a", "buffered"])("a tunnel of host %s", (host) => {
  test("carries bytes both ways as they are", async () => {
    const [client, upstream] = await openTunnel(host);
    const up = randomBytes(1_000_000);
    const down = randomBytes(1_000_000);
    client.send(up);
    upstream.send(down);
    const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    expect(hash(await upstream.receiveBytes(up.length))).toBe(hash(up));
    expect(hash(await client.receiveBytes(down.length))).toBe(hash(down));
    client.reset();
    await upstream.receiveAll();
  });
});

describe("a tunnel", () => {
  test("half-closed by the client still brings the app's last bytes", async () => {
    const [client, upstream] = await openTunnel();
    client.send("bye").end();
    expect((await upstream.receiveAll()).toString()).toBe("bye");
    upstream.send("last words").end();
    expect((await client.receiveAll()).toString()).toBe("last words");
  });

  test("half-closed by the app still takes the client's last bytes", async () => {
    const [client, upstream] = await openTunnel();
    upstream.send("bye").end();
    expect((await client.receiveAll()).toString()).toBe("bye");
    client.send("last words").end();
    expect((await upstream.receiveAll()).toString()).toBe("last words");
  });

  test("ends when the app goes", async () => {
    const [client, upstream] = await openTunnel();
    upstream.reset();
    await client.receiveAll();
  });

  test("is over when the app, having ended its side, takes nothing more", async () => {
    const switched = switchingApp();
    using client = await connectRaw(proxy.httpPort);
    client.send(upgradeRequest().replace("/chat", "/half-ended"));
    await readResponse(client);
    const upstream = await switched;
    upstream.end();
    await client.receiveAll();
    upstream.reset();
    client.send("nobody reads this");
    await client.closed();
    await proxy.waitForLog((line) => line["path"] === "/half-ended");
  });

  test("gets the bytes that were sent behind the request", async () => {
    const switched = switchingApp();
    using client = await connectRaw(proxy.httpPort);
    client.send(`${upgradeRequest()}early bytes`);
    expect((await readResponse(client)).status).toBe(101);
    const upstream = await switched;
    expect((await upstream.receiveBytes(11)).toString()).toBe("early bytes");
  });

  test("gets the bytes that the app sends behind its 101", async () => {
    app.answer = (_request, connection) => {
      connection.send(`${switching}hello at once`);
      return new Promise(() => {});
    };
    using client = await connectRaw(proxy.httpPort);
    client.send(upgradeRequest());
    expect((await readResponse(client)).status).toBe(101);
    expect((await client.receiveBytes(13)).toString()).toBe("hello at once");
  });

  test("is one log line with status 101, when it has ended", async () => {
    const switched = switchingApp();
    const client = await connectRaw(proxy.httpPort);
    client.send(upgradeRequest("a").replace("/chat", "/logged"));
    await readResponse(client);
    const upstream = await switched;
    const isOurs = (line: Record<string, unknown>): boolean => line["path"] === "/logged";
    upstream.send("four");
    await client.receiveBytes(4);
    expect(proxy.logs.find(isOurs)).toBeUndefined();
    client.reset();
    await upstream.receiveAll();
    const line = await proxy.waitForLog(isOurs);
    expect(line).toMatchObject({ status: 101, method: "GET", service: "web", target: app.address });
  });
});

describe("an upgrade", () => {
  test("passes Connection, Upgrade and its own fields on", async () => {
    const [client] = await openTunnel();
    client.reset();
    const request = app.requests.at(-1)!;
    expect(valuesOf(request, "connection").join().toLowerCase()).toBe("upgrade");
    expect(valuesOf(request, "upgrade")).toEqual(["chat"]);
  });

  test.each([
    ["that says it is empty", "Content-Length: 0\r\n\r\n", ""],
    ["of known length", "Content-Length: 5\r\n\r\nhello", "hello"],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"],
  ])("with a body %s switches when the body has been sent", async (_what, rest, body) => {
    for (const host of ["a", "buffered"]) {
      const switched = switchingApp();
      using client = await connectRaw(proxy.httpPort);
      client.send(
        `POST /attach HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: chat\r\n${rest}early`,
      );
      expect((await readResponse(client)).status).toBe(101);
      const request = app.requests.at(-1)!;
      expect(request.body.toString()).toBe(body);
      expect(valuesOf(request, "upgrade")).toEqual(["chat"]);
      expect((await (await switched).receiveBytes(5)).toString()).toBe("early");
    }
  });

  const refusals: [what: string, script: AppScript, status: number, body: string | null][] = [
    [
      "that the app refuses is an ordinary response",
      () => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
      403,
      "no",
    ],
    ["that the app answers with 200 is an ordinary response", () => ok, 200, "ok"],
    ["that names another protocol is a 502", () => switching.replace("chat", "other"), 502, null],
  ];
  test.each(refusals)("%s", async (_what, script, status, body) => {
    app.answer = script;
    using client = await connectRaw(proxy.httpPort);
    client.send(upgradeRequest());
    const response = await readResponse(client);
    expect(response.status).toBe(status);
    if (body !== null) expect(response.body.toString()).toBe(body);
    app.answer = () => ok;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await readResponse(client)).body.toString()).toBe("ok");
  });

  test("that nobody asked for is a 502", async () => {
    app.answer = () => switching;
    using client = await connectRaw(proxy.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await readResponse(client)).status).toBe(502);
  });

  test("to h2c is not passed on: the request is an ordinary one", async () => {
    app.answer = () => ok;
    using client = await connectRaw(proxy.httpPort);
    client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    );
    expect((await readResponse(client)).body.toString()).toBe("ok");
    const names = app.requests.at(-1)!.fields.map(([name]) => name);
    expect(names).not.toContain("upgrade");
    expect(names).not.toContain("http2-settings");
  });
});

describe("WebSocket", () => {
  test("messages pass both ways, and its close code too", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request, bunServer) {
        if (bunServer.upgrade(request)) return;
        return new Response("up");
      },
      websocket: {
        message(socket, message) {
          if (message === "close") socket.close(4001, "as asked");
          else socket.send(message);
        },
      },
    });
    try {
      await proxy.deploy("socket", `127.0.0.1:${server.port}`, "--host=localhost");
      const socket = new WebSocket(`ws://localhost:${proxy.httpPort}/cable`);
      socket.binaryType = "arraybuffer";
      const received: unknown[] = [];
      const closed = Promise.withResolvers<CloseEvent>();
      socket.addEventListener("message", (event) => {
        received.push(event.data);
        if (received.length === 2) socket.send("close");
      });
      socket.addEventListener("close", (event) => closed.resolve(event));
      socket.addEventListener("open", () => {
        socket.send("text");
        socket.send(new Uint8Array(100_000).fill(7));
      });
      const event = await within(closed.promise, "the close of the WebSocket");
      expect(received[0]).toBe("text");
      expect((received[1] as ArrayBuffer).byteLength).toBe(100_000);
      expect([event.code, event.reason]).toEqual([4001, "as asked"]);
    } finally {
      await server.stop(true);
    }
  });
});
