/** Bodies of known length that are large enough for the lane, through the real proxy. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw, type RawConnection } from "../support/raw-connection.ts";
import { readResponse } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  await proxy.deploy("web", app.address);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

const large = randomBytes(20 * 1024 * 1024);
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const largeHash = hashOf(large);
const withLarge = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`),
  large,
]);
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test("one connection carries large bodies both ways, and what follows them", async () => {
  app.answer = ({ startLine }) => (startLine.includes("/large") ? withLarge : ok);
  using client = await connectRaw(proxy.httpPort);
  for (let turn = 0; turn < 3; turn++) {
    client.send(`PUT /up${turn} HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
    client.send(large).send(get("/large")).send(get("/small"));
    expect((await readResponse(client)).body.toString()).toBe("ok");
    expect(hashOf((await readResponse(client)).body)).toBe(largeHash);
    expect((await readResponse(client)).body.toString()).toBe("ok");
    const upload = app.requests.find(({ startLine }) => startLine.includes(`/up${turn} `))!;
    expect(hashOf(upload.body)).toBe(largeHash);
  }
});

test("twenty at once are not mixed up", async () => {
  const bodies = Array.from({ length: 20 }, () => randomBytes(3 * 1024 * 1024));
  app.answer = ({ startLine }) => {
    const body = bodies[Number(/\d+/.exec(startLine)?.[0])]!;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  };
  const hashes = await Promise.all(
    bodies.map(async (_, index) => {
      using client = await connectRaw(proxy.httpPort);
      client.send(get(`/${index}`));
      return hashOf((await readResponse(client)).body);
    }),
  );
  expect(hashes).toEqual(bodies.map(hashOf));
});

test("a client that stops reading for a while gets all of it, and the log says so", async () => {
  app.answer = () => withLarge;
  using client = await connectRaw(proxy.httpPort);
  client.send(get("/slow"));
  await client.receive("\r\n\r\n");
  client.pause();
  // Others get theirs meanwhile, and then there is nothing left to do but to wait for this one.
  using other = await connectRaw(proxy.httpPort);
  other.send(get("/other"));
  expect(hashOf((await readResponse(other)).body)).toBe(largeHash);
  expect(client.receivedBytes).toBeLessThan(large.length);
  client.resume();
  expect(hashOf(await client.receiveBytes(large.length))).toBe(largeHash);
  const line = await proxy.waitForLog((entry) => entry["path"] === "/slow");
  expect(line["resp_content_length"]).toBe(large.length);
});

test("a target that breaks off never looks complete", async () => {
  app.answer = (_request, connection) => {
    connection.send(withLarge.subarray(0, 12 * 1024 * 1024)).end();
    return null;
  };
  using client = await connectRaw(proxy.httpPort);
  client.send(get("/broken"));
  await client.receive("\r\n\r\n");
  const received = await client.receiveAll();
  expect(received.length).toBeLessThan(large.length);
  expect(received.equals(large.subarray(0, received.length))).toBe(true);
});

test("bytes behind a large response never answer another request", async () => {
  const forged = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
  const withExcess = Buffer.concat([withLarge, forged]);
  app.answer = ({ startLine }) => (startLine.includes("/excess") ? withExcess : ok);
  using client = await connectRaw(proxy.httpPort);
  for (let turn = 0; turn < 5; turn++) {
    client.send(get("/excess")).send(get("/next"));
    await client.receive("\r\n\r\n");
    // Until the client reads on, the end piles up in the proxy's socket, with what is behind it.
    client.pause();
    using other = await connectRaw(proxy.httpPort);
    other.send(get("/other"));
    expect((await readResponse(other)).body.toString()).toBe("ok");
    client.resume();
    expect(hashOf(await client.receiveBytes(large.length))).toBe(largeHash);
    expect((await readResponse(client)).body.toString()).toBe("ok");
  }
});

test("the connection to the target serves on after a large body, either way", async () => {
  app.answer = ({ startLine }) => (startLine.includes("/large") ? withLarge : ok);
  using client = await connectRaw(proxy.httpPort);
  client.send(get("/first"));
  await readResponse(client);
  const count = app.connections.length;
  for (let turn = 0; turn < 3; turn++) {
    client.send(get("/large"));
    expect(hashOf((await readResponse(client)).body)).toBe(largeHash);
    client.send(`PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
    client.send(large);
    expect((await readResponse(client)).body.toString()).toBe("ok");
  }
  expect(app.connections.length).toBe(count);
});

test("a large upload that was held by a pause arrives whole", async () => {
  app.answer = () => ok;
  expect((await proxy.runHere("pause", "web")).code).toBe(0);
  using client = await connectRaw(proxy.httpPort);
  client.send(`PUT /held HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
  client.send(large).send(get("/behind"));
  expect((await proxy.runHere("resume", "web")).code).toBe(0);
  expect((await readResponse(client)).body.toString()).toBe("ok");
  expect((await readResponse(client)).body.toString()).toBe("ok");
  const upload = app.requests.find(({ startLine }) => startLine.includes("/held"))!;
  expect(hashOf(upload.body)).toBe(largeHash);
});

test("a client that leaves in the middle ends the request at the target", async () => {
  let serving: RawConnection | null = null;
  app.answer = (_, connection) => {
    serving = connection;
    return withLarge;
  };
  const client = await connectRaw(proxy.httpPort);
  client.send(get("/left"));
  await client.receiveBytes(1024 * 1024);
  client.reset();
  await serving!.closed();
  expect(await proxy.waitForLog((line) => line["path"] === "/left")).toMatchObject({ status: 200 });
});

test("an upload that its client gives up never looks complete", async () => {
  app.answer = () => ok;
  const client = await connectRaw(proxy.httpPort);
  const count = app.requests.length;
  client.send(`PUT /given-up HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
  client.send(large.subarray(0, 12 * 1024 * 1024));
  client.end();
  await client.closed();
  const line = await proxy.waitForLog((entry) => entry["path"] === "/given-up");
  expect(line["status"]).toBe(499);
  expect(app.requests.length).toBe(count);
});
