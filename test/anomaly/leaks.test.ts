/** Deploys, aborts, held requests and tunnels leave descriptors, memory and files as they were. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { sendCommand } from "../../src/control-plane/socket/client.ts";
import { type App, startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { nextHead } from "../support/next-head.ts";
import { deployCommand, serviceOptions, targetOptions } from "../support/service-options.ts";
import { isSpillFile, namedSpillFiles } from "../support/spill-files.ts";
import { waitFor } from "../support/wait-for.ts";

setDefaultTimeout(120_000);

/** What a pass may leave open: pooled connections to the app and timers of the runtime. */
const spareDescriptors = 10;
const spareBytes = 60_000_000;

let proxy: ProxyProcess;
let app: App;
let tunnels: RawServer;

beforeAll(async () => {
  app = startApp(async (request) => {
    if (new URL(request.url).pathname === "/slow") await Bun.sleep(20);
    return new Response(`got ${(await request.bytes()).length}`);
  });
  tunnels = startRawServer(async (connection) => {
    for (;;) {
      const head = await nextHead(connection);
      if (head === null) return;
      if (!head.includes("Upgrade")) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        continue;
      }
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhi",
      );
      await waitFor(() => connection.peerEnded, "the tunnel to end", Number.POSITIVE_INFINITY);
      connection.close();
      return;
    }
  });
  proxy = await ProxyProcess.start();
  await deploy("app", app.address);
  await deploy("buffered", app.address, { bufferRequests: true, maxMemoryBufferBytes: 1_000 });
  await deploy("tunnels", tunnels.address);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  tunnels[Symbol.dispose]();
});

async function deploy(
  service: string,
  target: string,
  changes: Partial<ReturnType<typeof targetOptions>> = {},
): Promise<void> {
  const command = deployCommand(service, [target], {
    options: serviceOptions({ hosts: [`${service}.test`] }),
    targetOptions: targetOptions(changes),
  });
  const reply = await sendCommand(proxy.socketPath, command);
  if (!reply.ok) throw new Error(reply.error);
}

const get = (service: string, target: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${service}.test\r\nConnection: close\r\n\r\n`;

describe("nothing is left behind by", () => {
  test("150 deploys", async () => {
    await expectNoLeak(10, 150, async () => {
      await deploy("app", app.address);
      using connection = await connectRaw(proxy.httpPort);
      connection.send(get("app", "/"));
      await connection.receive("got 0");
    });
  });

  test("1,000 requests whose client leaves", async () => {
    const before = abandoned("/slow");
    const upload = "Content-Length: 90000\r\n\r\n";
    await expectNoLeak(1, 20, () =>
      leaveAll((index) => {
        if (index % 3 === 0) return get("app", "/slow");
        const service = index % 3 === 1 ? "app" : "buffered";
        return `POST /slow HTTP/1.1\r\nHost: ${service}.test\r\n${upload}${"x".repeat(50_000)}`;
      }),
    );
    await waitFor(() => abandoned("/slow") - before > 500, "the log lines of abandoned requests");
  });

  test("500 held requests whose client leaves", async () => {
    const before = abandoned("/held");
    await proxy.runHere("pause", "app", "--max-pause=10m");
    await expectNoLeak(1, 10, () => leaveAll(() => get("app", "/held")));
    await waitFor(() => abandoned("/held") - before > 500, "the log lines of held requests");
    const reached = app.requestCount;
    await proxy.runHere("resume", "app");
    await waitFor(async () => (await ask("app")).ok, "the service to run again");
    expect(app.requestCount - reached).toBe(1);
  });

  test("200 tunnels", async () => {
    let opened = 0;
    await expectNoLeak(10, 200, async () => {
      using connection = await connectRaw(proxy.httpPort);
      connection.send(
        "GET / HTTP/1.1\r\nHost: tunnels.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
      );
      await connection.receive("\r\n\r\nhi");
      // Half of them end in order, the others with a reset.
      if (opened++ % 2 === 0) connection.end();
      else connection.reset();
      await waitFor(() => connection.peerEnded, "the tunnel to end");
    });
  });

  test("300 uploads that were spilled to disk", async () => {
    const body = new Uint8Array(200_000);
    await expectNoLeak(10, 300, async () => {
      const headers = { Host: "buffered.test" };
      const answer = await fetch(proxy.url, { method: "POST", body, headers });
      expect(await answer.text()).toBe("got 200000");
    });
  });
});

/** Fifty clients that send a request and leave when the proxy has begun with it. */
async function leaveAll(request: (index: number) => string): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: 50 }, async (_, index) =>
      (await connectRaw(proxy.httpPort)).send(request(index)),
    ),
  );
  await waitFor(() => waitingBytes(proxy.httpPort) === 0, "the proxy to read the requests");
  for (const client of clients) client.reset();
}

/** What clients have sent to a port and nobody has read, in whatever worker's socket; the queue of accepts as well. */
function waitingBytes(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let sum = 0;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
      const [, address, , , queues] = line.trim().split(/\s+/);
      if (address?.endsWith(local)) sum += Number.parseInt(queues!.split(":")[1]!, 16);
    }
  }
  return sum;
}

function ask(service: string): Promise<Response> {
  return fetch(proxy.url, { headers: { Host: `${service}.test` } });
}

/** After a few to warm up, `count` more must not raise what the proxy has open. */
async function expectNoLeak(
  warmUp: number,
  count: number,
  act: () => Promise<void>,
): Promise<void> {
  for (let i = 0; i < warmUp; i++) await act();
  const before = await settled(() => true);
  const bytes = await proxy.residentBytes();
  for (let i = 0; i < count; i++) await act();
  const after = await settled((open) => open <= before + spareDescriptors);
  expect(after).toBeLessThanOrEqual(before + spareDescriptors);
  expect((await proxy.residentBytes()) - bytes).toBeLessThan(spareBytes);
  expect(spillFiles()).toEqual([]);
}

/** Descriptors of the proxy, once they do not change any more and `wanted` is content. */
async function settled(wanted: (open: number) => boolean): Promise<number> {
  let last = -1;
  let same = 0;
  await waitFor(
    () => {
      const open = proxy.descriptors().length;
      same = open === last ? same + 1 : 0;
      last = open;
      return same >= 10 && wanted(open);
    },
    "descriptors to be closed",
    20_000,
  ).catch(() => undefined);
  return last;
}

/** Requests for which the log says that their client had left. */
function abandoned(target: string): number {
  return proxy.logs.filter(({ status, path }) => status === 499 && path === target).length;
}

function spillFiles(): string[] {
  return [...proxy.descriptors().filter(isSpillFile), ...namedSpillFiles(proxy)];
}
