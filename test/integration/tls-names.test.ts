/** Which service a server name and a Host lead to over TLS. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startApp, type App } from "../support/app.ts";
import { saveCertificate } from "../support/certificate-files.ts";
import { createCertificate } from "../support/certificates.ts";
import { connectHttps, get, getOnce } from "../support/https-client.ts";
import { ProxyProcess } from "../support/proxy-process.ts";
import { connectRaw } from "../support/raw-connection.ts";
import { readResponse, valuesOf } from "../support/raw-response.ts";
import { shakeHands } from "../support/tls-client.ts";

let proxy: ProxyProcess;
let app: App;

async function deployWithTls(service: string, ...hosts: string[]): Promise<void> {
  const certificate = createCertificate([`cert.${service}`, ...hosts]);
  const flags = saveCertificate(join(proxy.home, service), certificate);
  await proxy.deploy(service, app.address, `--host=${hosts.join(",")}`, ...flags);
}

async function shownTo(name: string | null): Promise<string | null> {
  const { certificate, error } = await shakeHands(proxy.httpsPort, { name });
  return certificate ?? error;
}

beforeAll(async () => {
  app = startApp((request) => new Response(request.headers.get("x-forwarded-proto")));
  proxy = await ProxyProcess.start();
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

const refused = "tlsv1 alert internal error";

test("without any service with TLS, handshakes are refused by an alert, with and without a name", async () => {
  await proxy.deploy("plain", app.address, "--host=plain.test");
  for (const name of [null, "plain.test", "unknown.test"]) {
    expect(await shownTo(name)).toBe(refused);
  }
  const { error } = await shakeHands(proxy.httpsPort, {
    name: "unknown.test",
    maxVersion: "TLSv1.2",
  });
  expect(error).toContain("alert handshake failure");
});

describe("with services with TLS", () => {
  beforeAll(async () => {
    await deployWithTls("m", "first.m.test", "second.m.test");
    await deployWithTls("z", "z.test");
  });

  test("a name leads to its service, in any case; unknown names and those without TLS to an alert", async () => {
    expect(await shownTo("first.m.test")).toBe("cert.m");
    expect(await shownTo("SECOND.m.Test")).toBe("cert.m");
    expect(await shownTo("z.test")).toBe("cert.z");
    expect(await shownTo("unknown.test")).toBe(refused);
    expect(await shownTo("plain.test")).toBe(refused);
  });

  test("no name leads to the same service after redeploys, other deploys and restarts, and is logged", async () => {
    expect(await shownTo(null)).toBe("cert.m");
    expect(await proxy.waitForLog("No server name; using default TLS hostname")).toMatchObject({
      level: "WARN",
      host: "first.m.test",
    });
    await deployWithTls("z", "z.test");
    await deployWithTls("m", "first.m.test", "second.m.test");
    await deployWithTls("zz", "zz.test");
    expect(await shownTo(null)).toBe("cert.m");
    expect(await proxy.stop()).toBe(0);
    await proxy.startAgain();
    expect(await shownTo(null)).toBe("cert.m");
  });

  test("Host alone decides where a request goes: to another service, to 503 without TLS, to 404", async () => {
    using connection = await connectHttps(proxy.httpsPort, "z.test");
    const ask = async (host: string): Promise<number> => (await get(connection, "/", host)).status;
    expect(await ask("first.m.test")).toBe(200);
    expect(await ask("plain.test")).toBe(503);
    expect(await ask("unknown.test")).toBe(404);
    expect(await ask("z.test")).toBe(200);
  });

  test("a failed handshake is a line of the log with the client's address", async () => {
    expect(await shownTo("unlogged.test")).toBe(refused);
    const line = await proxy.waitForLog(({ msg }) =>
      /^http: TLS handshake error from 127\.0\.0\.1:\d+: ./.test(String(msg)),
    );
    expect(line["level"]).toBe("INFO");
  });
});

describe("a service below a path", () => {
  test("has the TLS settings of the service at the root of the request's host", async () => {
    await deployWithTls("root", "root.test");
    const path = ["--host=root.test,bare.test", "--path-prefix=/api"];
    await proxy.deploy("api", app.address, ...path);
    await proxy.deploy("bare", app.address, "--host=bare.test");

    const response = await getOnce(proxy.httpsPort, "root.test", "/api/x");
    expect([response.status, response.body.toString()]).toEqual([200, "https"]);
    expect(valuesOf(await getPlain("root.test", "/api/x"), "location")).toEqual([
      "https://root.test/api/x",
    ]);
    // The other host has no TLS.
    expect((await getPlain("bare.test", "/api/x")).status).toBe(200);
    expect((await getOnce(proxy.httpsPort, "bare.test", "/api/x", "root.test")).status).toBe(503);

    await proxy.deploy("root", app.address, "--host=root.test");
    expect((await getPlain("root.test", "/api/x")).status).toBe(200);
  });
});

async function getPlain(host: string, path: string) {
  using connection = await connectRaw(proxy.httpPort);
  connection.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return await readResponse(connection);
}
