/** The control socket under nonsense, excess and absence: traffic and other commands go on. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { type App, startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { RawConnection, rawConnectionHandlers } from "../support/raw-connection.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(60_000);

let proxy: ProxyProcess;
let app: App;
/** What requests for `/held` wait for. */
const held = Promise.withResolvers<void>();

beforeAll(async () => {
  app = startApp(async (request) => {
    if (new URL(request.url).pathname === "/held") await held.promise;
    return new Response("ok");
  });
  proxy = await ProxyProcess.start();
  await proxy.deploy("app", app.address);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

async function connect(): Promise<RawConnection> {
  const connection = new RawConnection();
  await Bun.connect<RawConnection>({
    unix: proxy.socketPath,
    allowHalfOpen: true,
    data: connection,
    socket: { ...rawConnectionHandlers, open: (socket) => connection.opened(socket) },
  });
  return connection;
}

async function expectAllWell(): Promise<void> {
  expect((await fetch(proxy.url)).status).toBe(200);
  const { code, stdout } = await proxy.runHere("list");
  expect([code, stdout.includes(app.address)]).toEqual([0, true]);
}

describe("the control socket", () => {
  test("belongs to its user alone", () => {
    expect(statSync(proxy.socketPath).mode & 0o777).toBe(0o600);
  });

  const nonsense: Record<string, string> = {
    "an empty line": "\n",
    "a line that is no JSON": "nonsense\n",
    "JSON that is no object": "[1,2,3]\n",
    "an object that is no message": "{}\n",
    "another version": '{"protocol":99,"payload":{"command":"list"}}\n',
    "an unknown command": '{"protocol":1,"payload":{"command":"explode"}}\n',
    "a command without its values": '{"protocol":1,"payload":{"command":"deploy"}}\n',
    "values of other types":
      '{"protocol":1,"payload":{"command":"deploy","service":1,"targets":"x","options":null}}\n',
    "a key of prototypes": '{"protocol":1,"payload":{"__proto__":{"command":"list"}}}\n',
    "deep nesting": `${"[".repeat(200_000)}\n`,
    "bytes that are no text": "\xff\xfe\x00\x80\n",
    "an HTTP request": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a Go message": "\x2f\xff\x81\x03\x01\x01\x07Request\x01\xff\x82\x00\n",
  };
  for (const [what, bytes] of Object.entries(nonsense)) {
    test(`answers ${what} with an error, or closes`, async () => {
      using connection = await connect();
      connection.send(bytes);
      const answer = (await connection.receiveAll()).toString();
      if (answer !== "") expect(answer).toContain('"ok":false');
      await expectAllWell();
    });
  }

  test("refuses a message of more than a megabyte without waiting for its end", async () => {
    const before = await proxy.residentBytes();
    using connection = await connect();
    const chunk = new Uint8Array(1_000_000).fill(0x61);
    for (let i = 0; i < 100 && !connection.peerEnded; i++) {
      connection.send(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(() => connection.peerEnded, "the refusal");
    expect((await proxy.residentBytes()) - before).toBeLessThan(60_000_000);
    await expectAllWell();
  });

  test("does not mind clients that vanish at any byte", async () => {
    const message = '{"protocol":1,"payload":{"command":"list"}}\n';
    for (let length = 0; length <= message.length; length++) {
      const connection = await connect();
      connection.send(message.slice(0, length));
      connection.reset();
    }
    await expectAllWell();
  });

  test("takes commands beside clients that say nothing", async () => {
    const silent: RawConnection[] = [];
    try {
      for (let i = 0; i < 300; i++) {
        const connection = await connect();
        silent.push(connection);
        if (i % 2 === 0) connection.send('{"protocol":1,');
      }
      await expectAllWell();
    } finally {
      for (const connection of silent) connection.reset();
    }
  });

  test("carries out a command whose client was killed", async () => {
    const connection = await connect();
    connection.send(
      '{"protocol":1,"payload":{"command":"pause","service":"app","drainTimeoutMs":1000,"maxPauseMs":60000}}\n',
    );
    await waitFor(async () => (await proxy.runHere("list")).stdout.includes("paused"), "the pause");
    connection.reset();
    await proxy.runHere("resume", "app");
    await expectAllWell();
  });

  test("reads nothing more of a client that goes on sending behind its command", async () => {
    const request = fetch(`${proxy.url}/held`);
    const chunk = Buffer.alloc(1024 * 1024, "x");
    let taken = 0;
    let reply = "";
    const push = (socket: Bun.Socket<undefined>): void => {
      for (let wrote = 1; wrote > 0 && taken < 64 * chunk.length; taken += Math.max(0, wrote)) {
        wrote = socket.write(chunk);
      }
    };
    const socket = await Bun.connect({
      unix: proxy.socketPath,
      socket: {
        open(socket) {
          // It waits for the request that is held.
          socket.write(
            '{"protocol":1,"payload":{"command":"pause","service":"app","drainTimeoutMs":60000,"maxPauseMs":60000}}\n',
          );
        },
        data: (_, bytes) => void (reply += bytes.toString()),
        drain: push,
        close() {},
        error() {},
      },
    });
    await waitFor(async () => (await proxy.runHere("list")).stdout.includes("paused"), "the pause");
    push(socket);
    for (let i = 0; i < 3; i++) expect((await proxy.runHere("list")).code).toBe(0);
    expect(taken).toBeLessThan(16 * chunk.length);
    held.resolve();
    await request;
    await waitFor(() => reply.includes('"ok":true'), "the reply");
    socket.end();
    await proxy.runHere("resume", "app");
    await expectAllWell();
  });

  test("answers many commands at once, and requests meanwhile", async () => {
    const commands = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? proxy.runHere("list")
        : proxy.runHere(
            "deploy",
            `many-${index}`,
            `--target=${app.address}`,
            `--host=${index}.test`,
          ),
    );
    let requests = 0;
    const traffic = new AbortController();
    const requesting = (async () => {
      while (!traffic.signal.aborted) {
        expect((await fetch(proxy.url)).status).toBe(200);
        requests++;
      }
    })();
    const results = await Promise.all(commands);
    traffic.abort();
    await requesting;
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    expect(requests).toBeGreaterThan(0);
    const { stdout } = await proxy.runHere("list");
    expect(stdout.match(/many-\d+/g)?.length).toBe(20);
  });
});
