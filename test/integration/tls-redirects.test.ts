/** Redirects to the service's scheme and host, byte for byte. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startApp, type App } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { connectHttps } from "../support/https-client.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf, type RawResponse } from "../support/raw-response.ts";

let proxy: ProxyProcess;
let app: App;

beforeAll(async () => {
  app = startApp(() => new Response("the app"));
  proxy = await ProxyProcess.start();
  const names = ["app.test", "www.app.test", "open.test", "www.open.test"];
  const certificate = saveCertificate(join(proxy.home, "own"), createCertificate(names));
  const deploy = (service: string, ...flags: string[]): Promise<void> =>
    proxy.deploy(service, app.address, ...flags);
  await deploy("app", "--host=app.test", ...certificate);
  await deploy("canonical", "--host=c.test,www.c.test", "--canonical-host=c.test", ...certificate);
  await deploy("plain", "--host=p.test,www.p.test", "--canonical-host=p.test");
  await deploy(
    "open",
    "--host=open.test,www.open.test",
    "--canonical-host=open.test",
    "--tls-redirect=false",
    ...certificate,
  );
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

/** The answer, and whether the connection was closed behind it. */
async function ask(
  scheme: "http" | "https",
  head: string,
  method = "GET",
): Promise<RawResponse & { closed: boolean }> {
  using connection =
    scheme === "http"
      ? await connectRaw(proxy.httpPort)
      : await connectHttps(proxy.httpsPort, "app.test");
  connection.send(`${method} ${head}\r\n\r\n`);
  const response = await readResponse(connection, method);
  const closed = valuesOf(response, "connection").includes("close");
  if (closed) await connection.receiveAll();
  return { ...response, closed };
}

function locationOf(response: RawResponse): string[] {
  return valuesOf(response, "location");
}

describe("the scheme", () => {
  test("GET is redirected with a short page, and the connection closed", async () => {
    const response = await ask("http", "/a?b=1&c HTTP/1.1\r\nHost: app.test");
    expect(response.status).toBe(301);
    expect(locationOf(response)).toEqual(["https://app.test/a?b=1&c"]);
    expect(response.body.toString()).toBe(
      '<a href="https://app.test/a?b=1&amp;c">Moved Permanently</a>.\n\n',
    );
    expect(valuesOf(response, "content-type")).toEqual(["text/html; charset=utf-8"]);
    expect(response.closed).toBe(true);
    expect(app.requestCount).toBe(0);
  });

  test("HEAD gets the same head, POST no page", async () => {
    const head = await ask("http", "/a HTTP/1.1\r\nHost: app.test", "HEAD");
    expect([head.status, head.body.length]).toEqual([301, 0]);
    expect(valuesOf(head, "content-type")).toEqual(["text/html; charset=utf-8"]);
    const post = await ask("http", "/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0", "POST");
    expect([post.status, post.body.length]).toEqual([301, 0]);
    expect(valuesOf(post, "content-length")).toEqual(["0"]);
    expect(valuesOf(post, "content-type")).toEqual([]);
  });

  test.each([
    ["the port is left out", "/ HTTP/1.1\r\nHost: app.test:8080", "https://app.test/"],
    ["escapes", "/%2e%2F%c3?%41 HTTP/1.1\r\nHost: app.test", "https://app.test/%2e%2F%c3?%41"],
    [
      "slashes and dots",
      "//a/../b/./;c HTTP/1.1\r\nHost: app.test",
      "https://app.test//a/../b/./;c",
    ],
    ["an empty query", "/a? HTTP/1.1\r\nHost: app.test", "https://app.test/a?"],
    ["raw bytes", "/caf\xc3\xa9 HTTP/1.1\r\nHost: app.test", "https://app.test/caf%C3%A9"],
    [
      "a target in absolute form, whose host counts",
      "http://app.test/x HTTP/1.1\r\nHost: plain.test",
      "https://app.test/x",
    ],
  ])("%s", async (_what, head, location) => {
    expect(locationOf(await ask("http", head))).toEqual([location]);
  });

  test("the health-check path is redirected as well", async () => {
    expect(locationOf(await ask("http", "/up HTTP/1.1\r\nHost: app.test"))).toEqual([
      "https://app.test/up",
    ]);
  });

  test("over TLS the app answers", async () => {
    const response = await ask("https", "/ HTTP/1.1\r\nHost: app.test");
    expect([response.status, response.closed]).toEqual([200, false]);
  });

  test("the challenge path is the app's: the service has its own certificate", async () => {
    const path = "/.well-known/acme-challenge/token HTTP/1.1\r\nHost: app.test";
    expect((await ask("http", path)).status).toBe(301);
    expect((await ask("https", path)).status).toBe(200);
  });
});

describe("the canonical host", () => {
  test("comes together with the scheme, in one redirect", async () => {
    expect(locationOf(await ask("http", "/x HTTP/1.1\r\nHost: www.c.test:80"))).toEqual([
      "https://c.test/x",
    ]);
  });

  test("is redirected to over TLS, and the connection closed", async () => {
    const response = await ask("https", "/x?y HTTP/1.1\r\nHost: www.c.test");
    expect([response.status, response.closed]).toEqual([301, true]);
    expect(locationOf(response)).toEqual(["https://c.test/x?y"]);
  });

  test("keeps the scheme without TLS, or where TLS is no must", async () => {
    expect(locationOf(await ask("http", "/ HTTP/1.1\r\nHost: www.p.test"))).toEqual([
      "http://p.test/",
    ]);
    expect(locationOf(await ask("http", "/ HTTP/1.1\r\nHost: www.open.test"))).toEqual([
      "http://open.test/",
    ]);
    expect(locationOf(await ask("https", "/ HTTP/1.1\r\nHost: www.open.test"))).toEqual([
      "https://open.test/",
    ]);
  });

  test("itself is answered, with port and in upper case as well", async () => {
    for (const host of ["p.test", "p.test:8080", "P.TEST"]) {
      expect((await ask("http", `/ HTTP/1.1\r\nHost: ${host}`)).status).toBe(200);
    }
    expect((await ask("http", "/ HTTP/1.1\r\nHost: open.test")).status).toBe(200);
  });
});

test.each(["evil.test", "app.test.evil.test", "evil.test:443", "app.test@evil.test", ""])(
  "Host %j, which no service has, is never part of a Location",
  async (host) => {
    for (const scheme of ["http", "https"] as const) {
      const response = await ask(scheme, `/ HTTP/1.1\r\nHost: ${host}`);
      expect([400, 404]).toContain(response.status);
      expect(locationOf(response)).toEqual([]);
    }
  },
);
