/** HTTP/2 through the whole path: client, proxy, app. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { startApp } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { Http2Connection } from "../support/http2-connection.ts";
import {
  dataFrame,
  flags,
  frameTypes,
  headersFrame,
  resetFrame,
  responseStatus,
} from "../support/http2-frames.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { startRawServer } from "../support/raw-server.ts";
import { valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

let proxy: ProxyProcess;
let app: ScriptedApp;
let certificate: string[];

beforeAll(async () => {
  app = startScriptedApp();
  proxy = await ProxyProcess.start();
  certificate = saveCertificate(
    join(proxy.home, "app"),
    createCertificate(["app.test", "localhost"]),
  );
  await deploy(proxy, app.address);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});
beforeEach(() => {
  app.answer = () => ok;
});

async function deploy(to: ProxyProcess, address: string): Promise<void> {
  await to.deploy("web", address, "--host=app.test", ...certificate);
}

type Field = [name: string, value: string];

function request(path = "/", method = "GET", ...more: Field[]): Field[] {
  const pseudo: Field[] = [
    [":method", method],
    [":scheme", "https"],
    [":authority", "app.test"],
    [":path", path],
  ];
  return [...pseudo, ...more];
}

describe("a request", () => {
  test("reaches the app as HTTP/1.1 with one Host, one Cookie and the forwarding fields", async () => {
    using client = await Http2Connection.open(proxy.httpsPort);
    const crumbs: Field[] = [
      ["cookie", "a=1"],
      ["cookie", "b=2"],
      ["x-forwarded-for", "10.0.0.1"],
    ];
    client.send(headersFrame(1, request("/a%20b?c=d", "GET", ...crumbs)));
    expect(await client.ended(1)).toBe("ended");
    expect([responseStatus(client.frames, 1), client.body(1).toString()]).toEqual([200, "ok"]);
    const seen = app.requests.at(-1)!;
    expect(seen.startLine).toBe("GET /a%20b?c=d HTTP/1.1");
    expect(valuesOf(seen, "host")).toEqual(["app.test"]);
    expect(valuesOf(seen, "cookie")).toEqual(["a=1; b=2"]);
    expect(valuesOf(seen, "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(valuesOf(seen, "x-forwarded-proto")).toEqual(["https"]);
    expect(valuesOf(seen, "x-forwarded-host")).toEqual(["app.test"]);
    expect(valuesOf(seen, "transfer-encoding")).toEqual([]);
  });

  test("has a log line with the client's own address", async () => {
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request("/logged")));
    await client.ended(1);
    expect(await proxy.waitForLog(({ path }) => path === "/logged")).toMatchObject({
      proto: "HTTP/2.0",
      scheme: "https",
      port: proxy.httpsPort,
      host: "app.test",
      client_addr: "127.0.0.1",
      client_port: String(client.raw.localPort),
      status: 200,
      resp_content_length: 2,
      service: "web",
    });
  });

  test("of an unknown host gets the 404 page, of a service without TLS the 503 page", async () => {
    await proxy.deploy("plain", app.address, "--host=plain.test");
    using client = await Http2Connection.open(proxy.httpsPort);
    const to = (authority: string): Field[] => [
      ...request().filter(([name]) => name !== ":authority"),
      [":authority", authority],
    ];
    client.send(headersFrame(1, to("unknown.test")), headersFrame(3, to("plain.test")));
    await Promise.all([client.ended(1), client.ended(3)]);
    expect(responseStatus(client.frames, 1)).toBe(404);
    expect(responseStatus(client.frames, 3)).toBe(503);
  });
});

test("CONNECT is refused with 405", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(
    headersFrame(1, [
      [":method", "CONNECT"],
      [":authority", "app.test:443"],
    ]),
  );
  expect(await client.ended(1)).toBe("ended");
  expect(responseStatus(client.frames, 1)).toBe(405);
});

test("the last DATA frame ends the stream: what was sent is complete", async () => {
  using client = await Http2Connection.open(proxy.httpsPort);
  client.send(headersFrame(1, request()));
  await client.ended(1);
  expect(client.frames.at(-1)!.flags & flags.endStream).toBe(flags.endStream);
});

test("streams of one connection are independent: those that wait hold up no other", async () => {
  const release = Promise.withResolvers<void>();
  app.answer = async ({ startLine }) => {
    if (startLine.includes("/slow")) await release.promise;
    const path = startLine.split(" ")[1]!;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
  };
  using client = await Http2Connection.open(proxy.httpsPort);
  const streams = Array.from({ length: 60 }, (_, i) => 2 * i + 1);
  const pathOf = (stream: number): string => (stream % 4 === 1 ? `/slow${stream}` : `/${stream}`);
  client.send(...streams.map((stream) => headersFrame(stream, request(pathOf(stream)))));
  const isSlow = (stream: number): boolean => stream % 4 === 1;
  await Promise.all(streams.filter((each) => !isSlow(each)).map((each) => client.ended(each)));
  expect(streams.filter(isSlow).every((each) => client.outcome(each) === null)).toBe(true);
  release.resolve();
  await Promise.all(streams.map((each) => client.ended(each)));
  for (const each of streams) expect(client.body(each).toString()).toBe(pathOf(each));
});

test("20 MB pass each way intact", async () => {
  const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const down = randomBytes(20_000_000);
  await using big = startApp(async (each) =>
    each.method === "POST"
      ? new Response(sha(await each.bytes()))
      : new Response(new Blob([down]).stream()),
  );
  await proxy.deploy("big", big.address, "--host=localhost", ...certificate);
  const options = { protocol: "http2", tls: { rejectUnauthorized: false } } as const;
  const url = `https://localhost:${proxy.httpsPort}/`;
  const up = randomBytes(20_000_000);
  const [uploaded, downloaded] = await Promise.all([
    fetch(url, { ...options, method: "POST", body: up }).then((response) => response.text()),
    fetch(url, options).then((response) => response.bytes()),
  ]);
  await proxy.runHere("remove", "big");
  expect(uploaded).toBe(sha(up));
  expect(sha(downloaded)).toBe(sha(down));
});

describe("a peer that does not read", () => {
  const chunk = Buffer.alloc(1 << 20, "x");
  const manyBytes = 200 << 20;

  test("as client holds back the app", async () => {
    let held: RawConnection | null = null;
    app.answer = (_request, connection) => {
      held = connection;
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${manyBytes}\r\n\r\n`);
      for (let given = 0; given < manyBytes; given += chunk.length) connection.send(chunk);
      return null;
    };
    using client = await Http2Connection.open(proxy.httpsPort);
    const before = await proxy.residentBytes();
    client.send(headersFrame(1, request()));
    await waitFor(() => client.body(1).length === 65_535, "the first window");
    // Other requests of the same client are answered meanwhile.
    app.answer = () => "HTTP/1.1 204 No Content\r\n\r\n";
    for (let stream = 3; stream < 100; stream += 2) {
      client.send(headersFrame(stream, request("/other")));
      await client.ended(stream);
    }
    expect((await proxy.residentBytes()) - before).toBeLessThan(100 << 20);
    client.send(resetFrame(1));
    await waitFor(() => held!.peerEnded, "the end of the app's connection");
  });

  test("as app holds back the client", async () => {
    let isAsked = false;
    using deaf = startRawServer(async (connection) => {
      for (;;) {
        const head = await connection.receive("\r\n\r\n");
        isAsked = !head.startsWith("GET /up ");
        if (isAsked) break;
        connection.send(ok);
      }
      connection.pause();
    });
    await proxy.deploy("deaf", deaf.address, "--host=localhost", ...certificate);
    let taken = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        taken += chunk.length;
        if (taken > manyBytes) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const before = await proxy.residentBytes();
    const ending = new AbortController();
    const upload = fetch(`https://localhost:${proxy.httpsPort}/`, {
      protocol: "http2",
      tls: { rejectUnauthorized: false },
      method: "POST",
      body,
      signal: ending.signal,
    }).catch(() => "aborted");
    await waitFor(() => isAsked && taken > 0, "the upload to begin");
    let seen = -1;
    await waitFor(async () => {
      const isStill = seen === taken;
      seen = taken;
      if (!isStill) await Bun.sleep(100);
      return isStill;
    }, "the upload to stand still");
    const growth = (await proxy.residentBytes()) - before;
    ending.abort();
    await upload;
    await proxy.runHere("remove", "deaf");
    expect(taken).toBeLessThan(manyBytes / 2);
    expect(growth).toBeLessThan(100 << 20);
  });
});

describe("an exchange that is cut short", () => {
  test("by a reset of the client ends the request to the app at once, with status 499", async () => {
    let held: RawConnection | null = null;
    app.answer = (_request, connection) => {
      held = connection;
      return null;
    };
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request("/reset")));
    await waitFor(() => held !== null, "the request at the app");
    client.send(resetFrame(1));
    await waitFor(() => held!.peerEnded, "the end of the app's connection");
    expect(await proxy.waitForLog(({ path }) => path === "/reset")).toMatchObject({ status: 499 });
    app.answer = () => ok;
    client.send(headersFrame(3, request()));
    expect(await client.ended(3)).toBe("ended");
  });

  test("in an upload never looks complete to the app", async () => {
    using client = await Http2Connection.open(proxy.httpsPort);
    const before = { requests: app.requests.length, bytes: app.receivedBytes };
    client.send(headersFrame(1, request("/upload", "POST"), false), dataFrame(1, "part", false));
    await waitFor(() => app.receivedBytes > before.bytes + 100, "the upload at the app");
    client.raw.reset();
    expect(await proxy.waitForLog(({ path }) => path === "/upload")).toMatchObject({ status: 499 });
    expect(app.requests.length).toBe(before.requests);
  });

  test.each([
    ["with a length", "Content-Length: 300000"],
    ["in chunks", "Transfer-Encoding: chunked"],
  ])("by the app is a reset stream, %s; the connection goes on", async (_what, framing) => {
    app.answer = (_request, connection) => {
      connection.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
      connection.end();
      return null;
    };
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("reset");
    app.answer = () => ok;
    client.send(headersFrame(3, request()));
    expect(await client.ended(3)).toBe("ended");
  });

  test("before the app's head is a 502", async () => {
    app.answer = (_request, connection) => {
      connection.end();
      return null;
    };
    using client = await Http2Connection.open(proxy.httpsPort);
    client.send(headersFrame(1, request()));
    expect(await client.ended(1)).toBe("ended");
    expect(responseStatus(client.frames, 1)).toBe(502);
  });
});

test("a redeploy keeps the connection: its next stream reaches the new app, new handshakes the new certificate", async () => {
  using next = startScriptedApp(() => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
  using client = await Http2Connection.open(proxy.httpsPort);
  const release = Promise.withResolvers<void>();
  app.answer = async () => {
    await release.promise;
    return ok;
  };
  const before = app.requests.length;
  client.send(headersFrame(1, request("/old")));
  await waitFor(() => app.requests.length > before, "the request at the old app");
  const flags = saveCertificate(join(proxy.home, "next"), createCertificate(["next", "app.test"]));
  const deployed = proxy.deploy("web", next.address, "--host=app.test", ...flags);
  await waitFor(
    async () => (await shakeHands(proxy.httpsPort)).certificate === "next",
    "the switch",
  );
  client.send(headersFrame(3, request("/new")));
  await client.ended(3);
  expect(client.body(3).toString()).toBe("next");
  expect(client.outcome(1)).toBeNull();
  release.resolve();
  expect(await client.ended(1)).toBe("ended");
  expect(client.body(1).toString()).toBe("ok");
  await deployed;
  await deploy(proxy, app.address);
});

test("SIGTERM: GOAWAY, the open stream ends well, idle connections close, exit code 0", async () => {
  await using own = await ProxyProcess.start();
  await deploy(own, app.address);
  const release = Promise.withResolvers<void>();
  using idle = await Http2Connection.open(own.httpsPort);
  using asked = await Http2Connection.open(own.httpsPort);
  asked.send(headersFrame(1, request()));
  await asked.ended(1);
  using client = await Http2Connection.open(own.httpsPort);
  app.answer = async () => {
    await release.promise;
    return ok;
  };
  const before = app.requests.length;
  client.send(headersFrame(1, request()));
  await waitFor(() => app.requests.length > before, "the request at the app");
  const stopped = own.stop();
  await waitFor(() => idle.raw.peerEnded && asked.raw.peerEnded, "idle connections to close");
  await waitFor(() => client.frames.find(({ type }) => type === frameTypes.goAway), "GOAWAY");
  const goAway = client.frames.find(({ type }) => type === frameTypes.goAway)!;
  expect(goAway.payload.readUInt32BE(4)).toBe(0);
  expect(goAway.payload.readUInt32BE(0)).toBeGreaterThanOrEqual(1);
  release.resolve();
  expect(await client.ended(1)).toBe("ended");
  expect(client.body(1).toString()).toBe("ok");
  expect(await stopped).toBe(0);
});
