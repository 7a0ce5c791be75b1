/** What clients of the https port may do besides requests: tunnels, trailers, versions, silence. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { connectHttps, get } from "../support/https-client.ts";
import { ProxyProcess, type ProxyProcessOptions } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { rawRequest } from "../support/raw-request.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { ok, startScriptedApp, type ScriptedApp } from "../support/scripted-app.ts";
import { shakeHands } from "../support/tls-client.ts";
import { waitFor } from "../support/wait-for.ts";

let app: ScriptedApp;
let proxy: ProxyProcess;
beforeAll(async () => {
  app = startScriptedApp();
  proxy = await startProxy();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  app[Symbol.dispose]();
});

async function startProxy(options: ProxyProcessOptions = {}): Promise<ProxyProcess> {
  const started = await ProxyProcess.start(options);
  const flags = saveCertificate(join(started.home, "app"), createCertificate(["app.test"]));
  await started.deploy("web", app.address, "--host=app.test", ...flags);
  return started;
}

describe("a WebSocket", () => {
  test("over TLS passes messages both ways and ends in order", async () => {
    await using echo = startEcho();
    await proxy.deploy(
      "echo",
      echo.address,
      "--host=localhost",
      ...saveCertificate(join(proxy.home, "echo"), createCertificate(["localhost"])),
    );
    const socket = new WebSocket(`wss://localhost:${proxy.httpsPort}/chat`, {
      tls: { rejectUnauthorized: false },
    } as unknown as string[]);
    const received: string[] = [];
    socket.addEventListener("message", (event) => received.push(String(event.data)));
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const large = "x".repeat(300_000);
    socket.send("hello");
    socket.send(large);
    await waitFor(() => received.length === 2, "both echoes");
    expect(received).toEqual(["echo hello https", `echo ${large} https`]);
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    socket.close(4001, "bye");
    expect((await closed).code).toBe(4001);
  });
});

function startEcho(): AsyncDisposable & { address: string } {
  const server = Bun.serve<{ scheme: string }>({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, bun) {
      const scheme = request.headers.get("x-forwarded-proto") ?? "";
      return bun.upgrade(request, { data: { scheme } }) ? undefined : new Response("up");
    },
    websocket: {
      message: (socket, text) => void socket.send(`echo ${text} ${socket.data.scheme}`),
    },
  });
  return {
    address: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

test("trailers pass both ways over HTTP/1.1 with TLS", async () => {
  app.answer = () =>
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
    "3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n";
  using connection = await connectHttps(proxy.httpsPort);
  connection.send(
    "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Mine\r\n\r\n" +
      "2\r\nhi\r\n0\r\nX-Mine: 7\r\n\r\n",
  );
  const response = await readResponse(connection);
  app.answer = () => ok;
  expect([response.body.toString(), response.trailers]).toEqual(["abc", [["x-sum", "6"]]]);
  const request = app.requests.at(-1)!;
  expect([request.body.toString(), request.trailers]).toEqual(["hi", [["x-mine", "7"]]]);
});

test("the target is told the scheme, the client and the host", async () => {
  using connection = await connectHttps(proxy.httpsPort);
  connection.send(
    "GET / HTTP/1.1\r\nHost: app.test:443\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
  );
  await readResponse(connection);
  const request = app.requests.at(-1)!;
  expect(valuesOf(request, "x-forwarded-proto")).toEqual(["https"]);
  expect(valuesOf(request, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  expect(valuesOf(request, "x-forwarded-host")).toEqual(["app.test:443"]);
  const line = await proxy.waitForLog(({ host }) => host === "app.test:443");
  expect(line).toMatchObject({
    scheme: "https",
    proto: "HTTP/1.1",
    port: proxy.httpsPort,
    status: 200,
    client_addr: "127.0.0.1",
  });
});

describe("TLS", () => {
  test("is 1.2 or 1.3; older is refused", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const range = { minVersion: version, maxVersion: version };
      expect((await shakeHands(proxy.httpsPort, range)).version).toBe(version);
    }
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1" } as const;
    expect((await shakeHands(proxy.httpsPort, old)).error).toContain("protocol version");
  });

  test("is 1.3 alone with KAMAL_PROXY_TLS_MIN_VERSION=1.3", async () => {
    await using own = await startProxy({ env: { KAMAL_PROXY_TLS_MIN_VERSION: "1.3" } });
    expect((await shakeHands(own.httpsPort)).version).toBe("TLSv1.3");
    for (const name of ["app.test", null]) {
      const older = await shakeHands(own.httpsPort, { name, maxVersion: "TLSv1.2" });
      expect(older.error).toContain("protocol version");
    }
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "resumes sessions in %s; tickets from before a restart mean a full handshake",
    async (version) => {
      // Each worker has tickets of its own; there is one.
      await using own = await startProxy();
      const range = { minVersion: version, maxVersion: version };
      const { session, reused } = await shakeHands(own.httpsPort, range);
      expect(reused).toBe(false);
      const again = await shakeHands(own.httpsPort, { ...range, session: session! });
      expect(again).toMatchObject({ error: null, reused: true });
      await own.stop();
      await own.startAgain();
      const afterwards = await shakeHands(own.httpsPort, { ...range, session: session! });
      expect(afterwards).toMatchObject({ error: null, reused: false });
    },
  );

  test("chooses h2 over http/1.1, and refuses a list without either", async () => {
    const chosen = async (...ALPNProtocols: string[]) => {
      const { protocol, error } = await shakeHands(proxy.httpsPort, { ALPNProtocols });
      return protocol ?? error;
    };
    expect(await chosen("http/1.1", "h2")).toBe("h2");
    expect(await chosen("http/1.1")).toBe("http/1.1");
    expect(await chosen("spdy/3")).toContain("no application protocol");
  });
});

test("plain HTTP on the https port is told so, and logged", async () => {
  const answer = await rawRequest(proxy.httpsPort, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  expect(answer).toBe(
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
  );
  await proxy.waitForLog(({ msg }) =>
    /^http: TLS handshake error from 127\.0\.0\.1:\d+: client sent an HTTP request/.test(
      String(msg),
    ),
  );
});

test("garbage and clients that say nothing do not keep others waiting", async () => {
  const silent = await Promise.all(Array.from({ length: 50 }, () => connectRaw(proxy.httpsPort)));
  const noise = await Promise.all(Array.from({ length: 20 }, () => connectRaw(proxy.httpsPort)));
  for (const [i, connection] of noise.entries()) connection.send(Buffer.alloc(2_000, 7 * i));
  try {
    using connection = await connectHttps(proxy.httpsPort);
    expect((await get(connection)).status).toBe(200);
  } finally {
    for (const connection of [...silent, ...noise]) connection[Symbol.dispose]();
  }
});

test("a handshake that is not finished is given up after the head timeout", async () => {
  await using own = await startProxy({ env: { KAMAL_PROXY_HEADER_TIMEOUT: "300ms" } });
  using silent = await connectRaw(own.httpsPort);
  // The first bytes of a ClientHello that never goes on.
  using slow = await connectRaw(own.httpsPort);
  slow.send(Buffer.from([0x16, 3, 1, 2, 0, 1, 0]));
  await waitFor(() => silent.peerEnded && slow.peerEnded, "the end of both");
  await own.waitForLog(({ msg }) => /TLS handshake error .*: i\/o timeout$/.test(String(msg)));
});

test("connections without a request do not hold up a stop; a request under way finishes", async () => {
  await using own = await startProxy();
  const silent = await connectRaw(own.httpsPort);
  const shaken = await connectHttps(own.httpsPort);
  const idle = await connectHttps(own.httpsPort);
  expect((await get(idle)).status).toBe(200);
  const busy = await connectHttps(own.httpsPort);
  const release = Promise.withResolvers<void>();
  app.answer = async () => {
    await release.promise;
    return ok;
  };
  const before = app.requests.length;
  const answer = get(busy);
  await waitFor(() => app.requests.length > before, "the request at the app");
  const stopped = own.stop();
  const quiet = [silent, shaken, idle];
  await waitFor(() => quiet.every(({ peerEnded }) => peerEnded), "the end of quiet connections");
  expect(busy.isClosed).toBe(false);
  release.resolve();
  expect((await answer).status).toBe(200);
  app.answer = () => ok;
  expect(await stopped).toBe(0);
  expect(own.logs.some(({ msg }) => msg === "Closing active connections")).toBe(false);
});

test("the end of a response without length is told by close_notify", async () => {
  app.answer = (_request, connection) => {
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
    connection.end();
    return null;
  };
  using connection = await connectHttps(proxy.httpsPort);
  connection.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  const answer = await connection.receiveAll();
  app.answer = () => ok;
  expect(answer.toString()).toEndWith("\r\n\r\nuntil the end");
  expect(connection.endedInOrder).toBe(true);
});
