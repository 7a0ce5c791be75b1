/** Very many TLS clients that do nothing, or not enough: others are served, and each costs little. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type App, startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";

setDefaultTimeout(120_000);

const tls = { serverName: "app.test", rejectUnauthorized: false };
const request = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const connectsAtOnce = 50;

let proxy: ProxyProcess;
let app: App;

beforeAll(async () => {
  app = startApp(() => new Response("served"));
  proxy = await ProxyProcess.start({ env: { KAMAL_PROXY_HEADER_TIMEOUT: "1m" } });
  const certificate = saveCertificate(join(proxy.home, "app"), createCertificate(["app.test"]));
  await proxy.deploy("app", app.address, "--host=app.test", ...certificate);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

test("2,000 idle connections cost little memory, and each is served when it asks", async () => {
  // What the first ones cost is paid once.
  for (const client of await crowd(200, encrypted)) client.reset();
  await expectServed();
  const before = await proxy.residentBytes();
  const clients = await crowd(2_000, encrypted);
  try {
    await expectServed();
    const bytesEach = ((await proxy.residentBytes()) - before) / clients.length;
    expect(bytesEach).toBeLessThan(20_000);
    for (const client of clients.filter((_, index) => index % 100 === 0))
      await expectAnswer(client);
  } finally {
    for (const client of clients) client.reset();
  }
  await expectServed();
});

test("500 handshakes that do not go on hold nobody up", async () => {
  // The beginning of a ClientHello: a record of 512 bytes of which six come.
  const begun = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);
  const clients = await crowd(500, async () => (await connectRaw(proxy.httpsPort)).send(begun));
  try {
    for (let i = 0; i < 20; i++) await expectServed();
    expect(clients.filter((client) => client.peerEnded)).toEqual([]);
  } finally {
    for (const client of clients) client.reset();
  }
});

test("500 handshakes byte by byte are ended in time, and hold nobody up", async () => {
  await using strict = await ProxyProcess.start({ env: { KAMAL_PROXY_HEADER_TIMEOUT: "1s" } });
  const certificate = saveCertificate(join(strict.home, "app"), createCertificate(["app.test"]));
  await strict.deploy("app", app.address, "--host=app.test", ...certificate);
  const hello = Buffer.concat([
    Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
    Buffer.alloc(506),
  ]);
  const clients = await crowd(500, () => connectRaw(strict.httpsPort));
  let position = 0;
  const drip = setInterval(() => {
    const byte = hello.subarray(position, ++position);
    for (const client of clients) if (!client.peerEnded) client.send(byte);
  }, 20);
  try {
    while (clients.some((client) => !client.peerEnded)) {
      await expectServed(strict);
      expect(position).toBeLessThan(hello.length);
    }
  } finally {
    clearInterval(drip);
    for (const client of clients) client.reset();
  }
});

/** So many connections at the same time, made a few at once. */
async function crowd(
  count: number,
  connect: () => Promise<RawConnection>,
): Promise<RawConnection[]> {
  const clients: RawConnection[] = [];
  while (clients.length < count) {
    const group = Math.min(connectsAtOnce, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: group }, connect))));
  }
  return clients;
}

function encrypted(): Promise<RawConnection> {
  return connectRaw(proxy.httpsPort, { tls });
}

async function expectServed(by = proxy): Promise<void> {
  using client = await connectRaw(by.httpsPort, { tls });
  await expectAnswer(client);
}

async function expectAnswer(client: RawConnection): Promise<void> {
  client.send(request);
  const { status, body } = await readResponse(client);
  expect([status, body.toString()]).toEqual([200, "served"]);
}
