/** Deploys, aborts, held requests and tunnels leave descriptors, memory and files as they were. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { sendCommand } from "../../src/control/client.ts";
import { type App, startApp } from "../support/app.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { type RawServer, startRawServer } from "../support/raw-server.ts";
import { nextHead } from "../support/next-head.ts";
import { deployCommand, serviceOptions, targetOptions } from "../support/service-options.ts";
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
    let sent = 0;
    await expectNoLeak(50, 1_000, async () => {
      using connection = await connectRaw(proxy.httpPort);
      if (sent++ % 3 === 0) {
        connection.send(get("app", "/slow"));
      } else {
        const service = sent % 2 === 0 ? "app" : "buffered";
        connection.send(
          `POST / HTTP/1.1\r\nHost: ${service}.test\r\nContent-Length: 90000\r\n\r\n${"x".repeat(50_000)}`,
        );
      }
      await new Promise((resolve) => setImmediate(resolve));
    });
  });

  test("500 held requests whose client leaves", async () => {
    const before = abandoned();
    await proxy.run("pause", "app", "--max-pause=10m");
    await expectNoLeak(50, 500, async () => {
      using connection = await connectRaw(proxy.httpPort);
      connection.send(get("app", "/"));
      await new Promise((resolve) => setImmediate(resolve));
    });
    await proxy.run("resume", "app");
    // Otherwise the clients left before they were held.
    expect(abandoned() - before).toBeGreaterThan(250);
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
      const open = descriptors().length;
      same = open === last ? same + 1 : 0;
      last = open;
      return same >= 10 && wanted(open);
    },
    "descriptors to be closed",
    20_000,
  ).catch(() => undefined);
  return last;
}

function descriptors(): string[] {
  const folder = `/proc/${proxy.pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      return [];
    }
  });
}

/** Requests for which the log says that their client had left. */
function abandoned(): number {
  return proxy.logs.filter(({ status, path }) => status === 499 && path === "/").length;
}

function spillFiles(): string[] {
  return [...descriptors(), ...readdirSync(proxy.spillPath)].filter((name) =>
    name.includes("proxy-buffer"),
  );
}
