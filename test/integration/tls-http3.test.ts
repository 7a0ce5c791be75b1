/** HTTP/3 beside the https port, with `run --http3`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startApp, type App } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { getOnce } from "../support/https-client.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { waitFor } from "../support/wait-for.ts";

let app: App;
let proxy: ProxyProcess;

beforeAll(async () => {
  app = startApp(async (request) => {
    const body = (await request.text()).length;
    return new Response(`${request.method} ${request.headers.get("x-forwarded-proto")} ${body}`);
  });
  proxy = await ProxyProcess.start({ args: ["--http3"] });
  await deploy("first");
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

async function deploy(certificate: string): Promise<void> {
  const names = createCertificate([certificate, "localhost"]);
  const flags = saveCertificate(join(proxy.home, certificate), names);
  await proxy.deploy("web", app.address, "--host=localhost", ...flags);
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`https://localhost:${proxy.httpsPort}${path}`, {
    protocol: "http3",
    tls: { rejectUnauthorized: false },
    keepalive: false,
    ...init,
  });
}

/** New certificates reach HTTP/3 by a new server on the same port: what comes in between is lost. */
async function answered(path: string, init: RequestInit = {}): Promise<string> {
  return await waitFor(
    async () => (await ask(path, { signal: AbortSignal.timeout(2_000), ...init })).text(),
    "an answer over HTTP/3",
    20_000,
  );
}

test("a request passes, with its log line", async () => {
  expect(await answered("/x?y")).toBe("GET https 0");
  expect(await proxy.waitForLog(({ proto }) => proto === "HTTP/3.0")).toMatchObject({
    path: "/x",
    query: "y",
    scheme: "https",
    port: proxy.httpsPort,
    status: 200,
  });
  const posted = { method: "POST", body: Buffer.alloc(100_000) };
  expect(await answered("/", posted)).toBe("POST https 100000");
});

describe("Alt-Svc", () => {
  test("is in every answer of the https port, never in plain ones", async () => {
    const service = `h3=":${proxy.httpsPort}"; ma=2592000`;
    const found = await getOnce(proxy.httpsPort, "localhost");
    const missing = await getOnce(proxy.httpsPort, "unknown.test", "/", "localhost");
    expect([found.status, missing.status]).toEqual([200, 404]);
    for (const each of [found, missing]) expect(valuesOf(each, "alt-svc")).toEqual([service]);
    const over2 = await fetch(`https://localhost:${proxy.httpsPort}/`, {
      protocol: "http2",
      tls: { rejectUnauthorized: false },
    });
    expect(over2.headers.get("alt-svc")).toBe(service);
    using connection = await connectRaw(proxy.httpPort);
    connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const redirect = await readResponse(connection);
    expect([redirect.status, valuesOf(redirect, "alt-svc")]).toEqual([301, []]);
  });

  test("is not announced without --http3", async () => {
    await using own = await ProxyProcess.start();
    const flags = saveCertificate(join(own.home, "own"), createCertificate(["localhost"]));
    await own.deploy("web", app.address, "--host=localhost", ...flags);
    expect(valuesOf(await getOnce(own.httpsPort, "localhost"), "alt-svc")).toEqual([]);
  });
});

test("a certificate that changes is served on the same port; a name without is refused", async () => {
  await deploy("second");
  expect(await answered("/")).toBe("GET https 0");
  await proxy.runHere("remove", "web");
  await waitFor(
    async () =>
      await ask("/", { signal: AbortSignal.timeout(2_000) }).then(
        () => false,
        () => true,
      ),
    "the refusal",
    20_000,
  );
  await deploy("third");
  expect(await answered("/")).toBe("GET https 0");
});

test("SIGTERM lets a request under way finish, and idle connections do not hold it up", async () => {
  const release = Promise.withResolvers<void>();
  let asked = false;
  await using slow = startApp(async () => {
    asked = true;
    await release.promise;
    return new Response("late");
  });
  await proxy.deploy("web", slow.address, "--host=localhost", ...flagsOf("third"));
  const answer = waitFor(async () => (await ask("/")).text(), "the answer", 20_000);
  await waitFor(() => asked, "the request at the app", 20_000);
  const stopped = proxy.stop();
  release.resolve();
  expect(await answer).toBe("late");
  expect(await stopped).toBe(0);
  expect(proxy.logs.some(({ msg }) => msg === "Closing active connections")).toBe(false);
});

function flagsOf(certificate: string): string[] {
  const path = join(proxy.home, certificate);
  return ["--tls", `--tls-certificate-path=${path}.pem`, `--tls-private-key-path=${path}.key`];
}
